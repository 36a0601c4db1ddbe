"""Keras: a callback for ``model.fit``."""

from __future__ import annotations

from typing import Any

import keras

import llm_research_lab as lab


class LabCallback(keras.callbacks.Callback):
    """Logs the metrics of every epoch, and of every so many batches if asked.

    Args:
        run: The run; the active one where absent, or a new one.
        log_every_batches: Logs below ``batch/`` every so many batches; 0 for never.
        init_kwargs: What :func:`llm_research_lab.init` gets where it begins a run.

    Example:
        ``model.fit(x, y, callbacks=[LabCallback(experiment="mnist")])``
    """

    def __init__(self, run: lab.Run | None = None, *, log_every_batches: int = 0, **init_kwargs: Any) -> None:
        super().__init__()
        self._run = run
        self._owns_run = False
        self._every = log_every_batches
        self._init_kwargs = init_kwargs
        self._batches = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Begins a run, or takes the one that is active."""
        if self._run is None:
            self._owns_run = lab.run is None or lab.run.ended
            self._run = lab.init(**self._init_kwargs) if self._owns_run else lab.run
        assert self._run is not None
        optimizer = getattr(self.model, "optimizer", None)
        if optimizer is not None and "optimizer" not in self._run.config:
            self._run.config.update(optimizer=optimizer.get_config(), epochs=self.params.get("epochs"))

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Logs a batch, where that was asked."""
        self._batches += 1
        if self._run is not None and logs and self._every and self._batches % self._every == 0:
            self._run.log({"batch": logs}, step=self._batches)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Logs an epoch."""
        if self._run is not None and logs:
            self._run.log({"epoch": logs}, step=epoch)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Ends the run that this callback began."""
        if self._run is not None and self._owns_run:
            self._run.finish()
