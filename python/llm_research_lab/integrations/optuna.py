"""Optuna: every trial becomes a run."""

from __future__ import annotations

from typing import Any

import optuna

import llm_research_lab as lab


class LabCallback:
    """Keeps each finished trial as a run with its parameters, intermediate values and result.

    Args:
        experiment: Name of the experiment; that of the study where absent.
        metric_names: What the objective's values are called; ``value`` where there is one.
        init_kwargs: What else :func:`llm_research_lab.init` gets.

    Example:
        ``study.optimize(objective, n_trials=100, callbacks=[LabCallback("sweep")])``
    """

    def __init__(
        self,
        experiment: str | None = None,
        *,
        metric_names: list[str] | None = None,
        init_kwargs: dict[str, Any] | None = None,
    ) -> None:
        self._experiment = experiment
        self._metric_names = metric_names
        self._init_kwargs = init_kwargs or {}

    def __call__(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        """Logs a trial that has ended."""
        active = lab.run
        run = lab.init(
            self._experiment or study.study_name,
            name=f"trial-{trial.number}",
            config=trial.params,
            tags={"study": study.study_name, "trial": trial.number, **trial.user_attrs},
            console=False,
            **self._init_kwargs,
        )
        # The run of the script around the study stays the one that it logs to.
        lab.run = active
        for step, value in sorted(trial.intermediate_values.items()):
            run.log({"intermediate": value}, step=step)
        if trial.values is not None:
            names = self._metric_names or ["value"]
            if len(names) != len(trial.values):
                names = [f"value{i}" for i in range(len(trial.values))]
            run.log(dict(zip(names, trial.values, strict=True)))
        failed = trial.state == optuna.trial.TrialState.FAIL
        pruned = trial.state == optuna.trial.TrialState.PRUNED
        run.finish("failed" if failed else "cancelled" if pruned else "completed")
