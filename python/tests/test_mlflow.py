"""MLflow's own client, pointed at the server: nothing in it may tell the difference."""

from __future__ import annotations

import math

import mlflow
import pytest
from conftest import Store
from mlflow import MlflowClient


def test_a_run_of_the_fluent_functions_is_a_run_like_any_other(client: MlflowClient, store: Store) -> None:
    mlflow.set_experiment("fluent")
    with mlflow.start_run(run_name="first", tags={"team": "a"}, description="what for") as run:
        mlflow.log_params({"lr": 1e-05, "layers": 12, "opt": "adamw", "flag": True})
        for step in range(3):
            mlflow.log_metric("val/loss", 1 / (step + 1), step=step)
        mlflow.log_metrics({"nan": math.nan, "inf": math.inf}, step=7)
        with mlflow.start_run(nested=True) as child:
            mlflow.log_param("depth", 1)
    ours = store.cli("runs", "show", run.info.run_id)
    assert (ours["name"], ours["status"], ours["experiment_name"]) == ("first", "completed", "fluent")
    assert ours["parameters"] == {"lr": 1e-05, "layers": 12, "opt": "adamw", "flag": True}
    assert ours["tags"]["team"] == "a"
    assert [child.replace("-", "") for child in ours["child_run_ids"]] == [child.info.run_id]
    assert store.history(run.info.run_id, "val/loss")["steps"] == [0, 1, 2]

    back = mlflow.get_run(run.info.run_id)
    assert back.info.status == "FINISHED" and back.info.end_time >= back.info.start_time
    assert back.data.params == {"lr": "1e-05", "layers": "12", "opt": "adamw", "flag": "True"}
    assert back.data.metrics["val/loss"] == pytest.approx(1 / 3)
    assert math.isnan(back.data.metrics["nan"]) and back.data.metrics["inf"] == math.inf
    assert back.data.tags["mlflow.runName"] == "first" and back.data.tags["mlflow.note.content"] == "what for"
    assert not any(key.startswith("lab.") for key in back.data.tags)
    assert mlflow.get_run(child.info.run_id).data.tags["mlflow.parentRunId"] == run.info.run_id


def test_a_run_of_ours_reads_back_through_the_client(client: MlflowClient, store: Store) -> None:
    import llm_research_lab as lab

    with lab.init("ours", name="native", config={"lr": 0.1, "model": {"layers": [1, 2]}}, console=False) as run:
        for step in range(3):
            run.log({"loss": 1.0 - step / 10}, step=step)
    experiment = client.get_experiment_by_name("ours")
    (theirs,) = client.search_runs([experiment.experiment_id])
    assert theirs.info.run_id == run.id.replace("-", "")
    assert (theirs.info.run_name, theirs.info.status) == ("native", "FINISHED")
    assert theirs.data.params == {"lr": "0.1", "model.layers": "[1,2]"}
    assert theirs.data.metrics["loss"] == pytest.approx(0.8)
    history = client.get_metric_history(theirs.info.run_id, "loss")
    assert [(point.step, point.value) for point in history] == [(0, 1.0), (1, 0.9), (2, 0.8)]
