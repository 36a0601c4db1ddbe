"""A stand-in for TensorBoard's ``SummaryWriter``: change the import, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import llm_research_lab as lab


class SummaryWriter:
    """Logs to a run what would be written to an event file.

    Args:
        log_dir: Names the run; the folder is not written. The run that is active is used where there is one.
        comment: Is added to the name.
        init_kwargs: What :func:`llm_research_lab.init` gets, as ``experiment``.
    """

    def __init__(self, log_dir: str | os.PathLike[str] | None = None, comment: str = "", **init_kwargs: Any) -> None:
        for name in ("purge_step", "max_queue", "flush_secs", "filename_suffix"):
            init_kwargs.pop(name, None)
        active = lab.run
        self._owns_run = active is None or active.ended
        if active is None or self._owns_run:
            name = f"{Path(log_dir).name if log_dir else ''}{comment}"
            active = lab.init(**({"name": name or None} | init_kwargs))
        self._run = active

    @property
    def run(self) -> lab.Run:
        """The run."""
        return self._run

    def add_scalar(self, tag: str, scalar_value: Any, global_step: int | None = None, *_: Any, **__: Any) -> None:
        """Logs a number."""
        self._run.log({tag: scalar_value}, global_step)

    def add_scalars(
        self, main_tag: str, tag_scalar_dict: Mapping[str, Any], global_step: int | None = None, *_: Any, **__: Any
    ) -> None:
        """Logs several numbers below one name."""
        self._run.log({main_tag: tag_scalar_dict}, global_step)

    def add_histogram(
        self, tag: str, values: Any, global_step: int | None = None, bins: Any = 64, *_: Any, **__: Any
    ) -> None:
        """Logs how values are distributed."""
        self._run.log({tag: lab.Histogram(values, bins if isinstance(bins, int) else 64)}, global_step)

    def add_text(self, tag: str, text_string: str, global_step: int | None = None, *_: Any, **__: Any) -> None:
        """Logs a text."""
        self._run.log({tag: lab.Text(text_string)}, global_step)

    def add_image(
        self,
        tag: str,
        img_tensor: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        dataformats: str = "CHW",
    ) -> None:
        """Logs a picture."""
        order = {"CHW": (1, 2, 0), "HWC": (0, 1, 2), "HW": (0, 1)}[dataformats]
        array = img_tensor.detach().cpu().numpy() if hasattr(img_tensor, "detach") else img_tensor
        self._run.log({tag: lab.Image(array.transpose(order))}, global_step)

    def add_figure(self, tag: str, figure: Any, global_step: int | None = None, *_: Any, **__: Any) -> None:
        """Logs a figure of matplotlib."""
        self._run.log({tag: figure}, global_step)

    def add_hparams(self, hparam_dict: Mapping[str, Any], metric_dict: Mapping[str, Any], *_: Any, **__: Any) -> None:
        """Adds parameters, and the results they gave."""
        self._run.config.update(hparam_dict)
        self._run.log(metric_dict)

    def flush(self) -> None:
        """Does nothing: what is logged is on its way."""

    def close(self) -> None:
        """Ends the run, unless it was there before."""
        if self._owns_run:
            self._run.finish()

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
