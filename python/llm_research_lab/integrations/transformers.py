"""Hugging Face Transformers: logs what a ``Trainer`` logs."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

import llm_research_lab as lab


class LabCallback(TrainerCallback):
    """Logs training and evaluation metrics, the arguments as configuration, and checkpoints if asked.

    Args:
        experiment: Name of the experiment; the folder's where absent.
        log_checkpoints: Whether saved checkpoints become artifacts.
        init_kwargs: What else :func:`llm_research_lab.init` gets.

    Example:
        ``Trainer(..., args=TrainingArguments(report_to="none"), callbacks=[LabCallback("finetune")])``
    """

    def __init__(self, experiment: str | None = None, *, log_checkpoints: bool = False, **init_kwargs: Any) -> None:
        self._experiment = experiment
        self._log_checkpoints = log_checkpoints
        self._init_kwargs = init_kwargs
        self._run: lab.Run | None = None
        self._owns_run = False

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Begins a run, or takes the one that is active."""
        # Of several processes the first speaks for all: its numbers are gathered from them.
        if not state.is_world_process_zero or self._run is not None:
            return
        active = lab.run
        self._owns_run = active is None or active.ended
        if active is None or self._owns_run:
            active = lab.init(self._experiment, name=getattr(args, "run_name", None), **self._init_kwargs)
        self._run = active
        settings: dict[str, Any] = {"training": args.to_sanitized_dict()}
        model = kwargs.get("model")
        if (config := getattr(model, "config", None)) is not None:
            settings["model"] = config.to_dict()
            if name := getattr(config, "_name_or_path", ""):
                active.use_model(name, provider="hugging_face")
        active.config.update({key: value for key, value in settings.items() if key not in active.config})

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Logs numbers, below ``eval/``, ``test/`` for predictions, or ``train/``."""
        if self._run is None or logs is None:
            return
        numbers = {_path(name): value for name, value in logs.items() if isinstance(value, int | float)}
        self._run.log(numbers, step=state.global_step)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Logs the checkpoint that was just saved."""
        if self._run is not None and self._log_checkpoints:
            name = f"checkpoint-{state.global_step}"
            self._run.log_artifact(f"{args.output_dir}/{name}", name, type="checkpoint")

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Leaves the run open, because an evaluation may follow; the end of the script ends it."""


def _path(name: str) -> str:
    for prefix in ("eval", "test"):
        if name.startswith(f"{prefix}_"):
            return f"{prefix}/{name.removeprefix(prefix + '_')}"
    return f"train/{name}"
