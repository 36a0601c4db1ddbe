"""PyTorch Lightning: a logger for its ``Trainer``."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from lightning.pytorch.loggers.logger import Logger, rank_zero_experiment
from lightning.pytorch.utilities.rank_zero import rank_zero_only

import llm_research_lab as lab


class LabLogger(Logger):
    """Logs metrics and hyperparameters of a ``Trainer`` to a run.

    Args:
        experiment: Name of the experiment.
        run: A run that goes on; one is begun with the first metric where absent.
        init_kwargs: What else :func:`llm_research_lab.init` gets.

    Example:
        ``Trainer(logger=LabLogger("tiny-lm"))``
    """

    def __init__(self, experiment: str | None = None, *, run: lab.Run | None = None, **init_kwargs: Any) -> None:
        super().__init__()
        self._name = experiment
        self._init_kwargs = init_kwargs
        self._run = run
        self._owns_run = run is None

    @property
    @rank_zero_experiment
    def experiment(self) -> lab.Run:
        """The run."""
        if self._run is None:
            self._run = lab.init(self._name, **self._init_kwargs)
        return self._run

    @property
    def name(self) -> str | None:
        """Name of the experiment."""
        return self._name

    @property
    def version(self) -> str | None:
        """Id of the run, once it has begun."""
        return None if self._run is None else self._run.id

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Logs numbers."""
        self.experiment.log(metrics, step)

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *_: Any, **__: Any) -> None:
        """Adds parameters; those that are set already stay."""
        given = vars(params) if isinstance(params, Namespace) else params
        run = self.experiment
        run.config.update({key: value for key, value in given.items() if key not in run.config})

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Ends the run that this logger began."""
        if self._run is not None and self._owns_run:
            self._run.finish("completed" if status == "success" else "failed")
