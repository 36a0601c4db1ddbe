"""MLflow's own client, pointed at the server: nothing in it may tell the difference."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import mlflow
import pytest
from conftest import LAB, Store
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.exceptions import MlflowException


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


def refused(call: Callable[[], object]) -> tuple[str, str]:
    """The code and the message that a call is refused with."""
    with pytest.raises(MlflowException) as caught:
        call()
    return caught.value.error_code, caught.value.message


@pytest.fixture
def run(client: MlflowClient) -> str:
    """A run of an experiment of its own."""
    return client.create_run(client.create_experiment(unique("experiment"))).info.run_id


def unique(name: str) -> str:
    return f"{name}-{uuid.uuid4().hex}"


def test_the_default_experiment_is_there(client: MlflowClient) -> None:
    default = client.get_experiment("0")
    assert (default.name, default.lifecycle_stage) == ("Default", "active")
    assert client.get_experiment_by_name("Default").experiment_id == "0"
    with mlflow.start_run() as started:
        pass
    assert started.info.experiment_id == "0"
    assert re.fullmatch(r"[a-z]+-[a-z]+-\d+", started.info.run_name)
    assert client.get_run(started.info.run_id).info.artifact_uri.endswith(f"/0/{started.info.run_id}/artifacts")


def test_an_experiment_goes_and_comes_back_with_its_runs(client: MlflowClient, run: str) -> None:
    id_ = client.get_run(run).info.experiment_id
    name = client.get_experiment(id_).name
    other = client.create_run(id_).info.run_id
    client.delete_run(other)
    client.delete_experiment(id_)
    assert client.get_experiment_by_name(name).lifecycle_stage == "deleted"
    assert client.get_run(run).info.lifecycle_stage == "deleted"
    assert refused(lambda: client.create_experiment(name))[0] == "RESOURCE_ALREADY_EXISTS"
    assert refused(lambda: client.create_run(id_))[0] == "INVALID_PARAMETER_VALUE"
    assert refused(lambda: client.set_experiment_tag(id_, "a", "b"))[0] == "INVALID_PARAMETER_VALUE"
    assert refused(lambda: client.delete_experiment(id_))[0] == "RESOURCE_DOES_NOT_EXIST"
    assert client.search_runs([id_]) == []
    client.restore_experiment(id_)
    assert refused(lambda: client.restore_experiment(id_))[0] == "RESOURCE_DOES_NOT_EXIST"
    assert {found.info.run_id for found in client.search_runs([id_])} == {run, other}
    client.rename_experiment(id_, name + "!")
    assert client.get_experiment(id_).name == name + "!"
    client.set_experiment_tag(id_, "mlflow.note.content", "why")
    client.set_experiment_tag(id_, "long", "x" * 5_000)
    assert client.get_experiment(id_).tags == {"mlflow.note.content": "why", "long": "x" * 5_000}


def test_a_deleted_run_takes_no_writes(client: MlflowClient, run: str) -> None:
    client.delete_run(run)
    client.delete_run(run)
    for call in [
        lambda: client.log_metric(run, "a", 1),
        lambda: client.log_param(run, "a", 1),
        lambda: client.set_tag(run, "a", 1),
        lambda: client.log_batch(run, [Metric("a", 1, 1, 1)]),
        lambda: client.update_run(run, "FAILED"),
    ]:
        code, message = refused(call)
        assert code == "INVALID_PARAMETER_VALUE"
        assert f"The run {run} must be in the 'active' state. Current state is deleted." in message
    client.restore_run(run)
    client.restore_run(run)
    client.log_metric(run, "a", 1)


def test_a_parameter_keeps_its_value(client: MlflowClient, run: str) -> None:
    client.log_param(run, "lr", "0.10")
    client.log_param(run, "lr", "0.10")
    code, message = refused(lambda: client.log_param(run, "lr", "0.1"))
    assert code == "INVALID_PARAMETER_VALUE"
    assert "Changing param values is not allowed" in message and "'lr'" in message and "'0.10'" in message
    params = [Param("new", "1"), Param("lr", "2")]
    assert "Changing param values" in refused(lambda: client.log_batch(run, [Metric("m", 1, 1, 1)], params))[1]
    data = client.get_run(run).data
    assert (data.params, data.metrics) == ({"lr": "0.10"}, {})
    twice = [Param("a", "1"), Param("a", "1")]
    assert "Duplicate parameter keys" in refused(lambda: client.log_batch(run, params=twice))[1]
    client.log_param(run, "empty", "")
    client.log_param(run, "long", "x" * 7_000)
    client.set_tag(run, "long", "y" * 9_000)
    data = client.get_run(run).data
    assert data.params["empty"] == "" and len(data.params["long"]) == 6_000 and len(data.tags["long"]) == 8_000


def test_the_latest_value_of_a_metric_is_that_of_the_greatest_step(client: MlflowClient, run: str) -> None:
    points = [(5, 100, 1.0), (7, 90, 2.0), (7, 90, 3.0), (7, 80, 9.0), (6, 200, 8.0), (7, 90, 3.0), (-3, 300, 0.5)]
    for step, time, value in points:
        client.log_metric(run, "m", value, time, step)
    assert client.get_run(run).data.metrics["m"] == 3.0
    history = [(point.timestamp, point.step, point.value) for point in client.get_metric_history(run, "m")]
    assert history == sorted({(time, step, value) for step, time, value in points})
    client.log_batch(run, [Metric("m", value, time, step) for step, time, value in points])
    assert len(client.get_metric_history(run, "m")) == len(history)
    assert client.get_metric_history(run, "nothing") == []


def test_a_history_comes_in_pages(client: MlflowClient, run: str) -> None:
    points = [Metric("m", float(i), 1_000 + i // 7, i) for i in range(3_000)]
    for at in range(0, 3_000, 1_000):
        client.log_batch(run, points[at : at + 1_000])
    store = client._tracking_client.store
    seen, token, pages = [], None, 0
    while pages == 0 or token:
        page = store.get_metric_history(run, "m", 700, token)
        seen += [point.step for point in page]
        token, pages = page.token, pages + 1
    assert (seen, pages) == (list(range(3_000)), 5)
    thin = store.get_metric_history_bulk_interval_from_steps(run, "m", [0, 10, 2_999], 10)
    assert [point.step for point in thin] == [0, 10, 2_999]


WRONG = {
    "no such run": (lambda c, r: c.get_run("0" * 32), "RESOURCE_DOES_NOT_EXIST", "not found"),
    "no such experiment": (lambda c, r: c.get_experiment("123456"), "RESOURCE_DOES_NOT_EXIST", "123456"),
    "no experiment's id": (
        lambda c, r: c.get_experiment("abc"),
        "INVALID_PARAMETER_VALUE",
        "Invalid experiment ID 'abc'",
    ),
    "no such tag": (lambda c, r: c.delete_tag(r, "a"), "RESOURCE_DOES_NOT_EXIST", "No tag with name: a"),
    "key with braces": (lambda c, r: c.set_tag(r, "a{b}", 1), "INVALID_PARAMETER_VALUE", "Names may only contain"),
    "key that is another": (lambda c, r: c.log_param(r, "a/../b", 1), "INVALID_PARAMETER_VALUE", "resolve to 'b'"),
    "long key": (lambda c, r: c.log_metric(r, "a" * 251, 1), "INVALID_PARAMETER_VALUE", "exceeds the maximum length"),
    "long name": (lambda c, r: c.create_experiment("a" * 501), "INVALID_PARAMETER_VALUE", "exceeds the maximum length"),
    "negative time": (lambda c, r: c.log_metric(r, "a", 1, timestamp=-1), "INVALID_PARAMETER_VALUE", "[Tt]imestamp"),
    "bad place": (lambda c, r: c.create_experiment("e", "file:///a/../b"), "INVALID_PARAMETER_VALUE", "(?i)artifact"),
    "two names": (
        lambda c, r: c.create_run("0", run_name="a", tags={"mlflow.runName": "b"}),
        "INVALID_PARAMETER_VALUE",
        "different values",
    ),
    "many results": (lambda c, r: c.search_runs(["0"], max_results=50_001), "INVALID_PARAMETER_VALUE", "max_results"),
    "no results": (lambda c, r: c.search_experiments(max_results=0), "INVALID_PARAMETER_VALUE", "max_results"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_refused_as_mlflow_refuses_it(client: MlflowClient, run: str, case: str) -> None:
    call, code, message = WRONG[case]
    actual, text = refused(lambda: call(client, run))
    assert actual == code and re.search(message, text), text


def test_the_name_of_a_run_and_its_tag_are_one_thing(client: MlflowClient, run: str) -> None:
    def names() -> tuple[str, str]:
        found = client.get_run(run)
        return found.info.run_name, found.data.tags["mlflow.runName"]

    client.set_tag(run, "mlflow.runName", "by tag")
    assert names() == ("by tag", "by tag")
    client.update_run(run, name="by update")
    assert names() == ("by update", "by update")
    client.log_batch(run, tags=[RunTag("mlflow.runName", "by batch"), RunTag("other", "1")])
    assert names() == ("by batch", "by batch")
    client.delete_tag(run, "other")
    client.set_terminated(run, "KILLED", 5_000)
    ended = client.get_run(run).info
    assert (ended.status, ended.end_time) == ("KILLED", 5_000)
    client.update_run(run, "RUNNING")
    assert client.get_run(run).info.status == "RUNNING"


def test_datasets_read_come_back(client: MlflowClient, run: str) -> None:
    def used(context: str) -> DatasetInput:
        dataset = Dataset("mnist", "d1", "local", '{"uri": "x"}', schema="{}", profile='{"rows": 5}')
        return DatasetInput(dataset, [InputTag("mlflow.data.context", context)])

    client.log_inputs(run, [used("train")])
    client.log_inputs(run, [used("eval")])
    (kept,) = client.get_run(run).inputs.dataset_inputs
    assert (kept.dataset.name, kept.dataset.digest, kept.dataset.profile) == ("mnist", "d1", '{"rows": 5}')
    assert [(tag.key, tag.value) for tag in kept.tags] == [("mlflow.data.context", "train")]
    found = client.search_runs([client.get_run(run).info.experiment_id], "dataset.name = 'mnist'")
    assert found[0].inputs.dataset_inputs[0].dataset.source_type == "local"


def test_writers_of_one_run_lose_nothing(client: MlflowClient, run: str) -> None:
    def write(writer: int) -> None:
        for batch in range(25):
            steps = range(batch * 20, batch * 20 + 20)
            client.log_batch(run, [Metric("shared", writer, 1_000 + step, step) for step in steps])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert len(client.get_metric_history(run, "shared")) == 4 * 25 * 20


def test_a_name_that_two_want_makes_one_experiment(client: MlflowClient) -> None:
    name = unique("race")

    def create(_: int) -> str:
        try:
            return client.create_experiment(name)
        except MlflowException as error:
            return error.error_code

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(create, range(4)))
    assert made.count("RESOURCE_ALREADY_EXISTS") == 3
    assert client.get_experiment_by_name(name).experiment_id in made


def test_logging_in_the_background_arrives(client: MlflowClient, run: str) -> None:
    for step in range(50):
        client.log_metric(run, "m", step, step=step, synchronous=False)
    client.log_param(run, "p", 1, synchronous=False).wait()
    mlflow.flush_async_logging()
    assert len(client.get_metric_history(run, "m")) == 50


class Raw:
    """Requests by hand, where what is sent matters."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __call__(
        self, path: str, body: str | bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        data = body.encode() if isinstance(body, str) else body
        headers = {"Content-Type": "application/json", **(headers or {})} if data is not None else headers or {}
        request = urllib.request.Request(f"{self.url}{path}", data, headers)
        try:
            with urllib.request.urlopen(request) as response:
                status, text = response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read().decode()
        try:
            return status, json.loads(text)
        except json.JSONDecodeError:
            return status, text


@pytest.fixture
def raw(client: MlflowClient) -> Raw:
    return Raw(client.tracking_uri)


def test_bodies_are_read_as_they_are_sent(raw: Raw, client: MlflowClient, run: str) -> None:
    batch = "/api/2.0/mlflow/runs/log-batch"
    camel = {"runId": run, "metrics": [{"key": "a", "value": "0.5", "timestamp": "1700000000000", "step": "3"}]}
    assert raw(batch, json.dumps(json.dumps(camel))) == (200, {})
    assert raw(batch, json.dumps(camel), {"Content-Type": "application/json; charset=utf-8"}) == (200, {})
    assert raw(batch, json.dumps(camel), {"Content-Type": "text/plain"})[0] == 400
    metric = {"run_id": run, "key": "nan", "timestamp": 1, "value": math.nan, "unknown": [1]}
    assert raw("/ajax-api/2.0/mlflow/runs/log-metric", json.dumps(metric)) == (200, {})
    assert math.isnan(client.get_run(run).data.metrics["nan"])
    status, answer = raw(f"/api/2.0/mlflow/metrics/get-history?run_id={run}&metric_key=a")
    assert (status, answer) == (200, {"metrics": [{"key": "a", "value": 0.5, "timestamp": 1700000000000, "step": 3}]})
    bulk = f"/ajax-api/2.0/mlflow/metrics/get-history-bulk?run_id={run}&run_id={run[::-1]}&metric_key=a"
    assert [point["run_id"] for point in raw(bulk)[1]["metrics"]] == [run]
    for wrong in ["[1]", "{", '{"run_id": 5}', '{"run_id": "a b"}', "{}"]:
        assert raw(batch, wrong)[0] == 400, wrong
    assert raw("/api/2.0/mlflow/experiments/search?max_results=5")[0] == 200


def test_what_is_not_there_is_told_apart(raw: Raw) -> None:
    assert raw("/api/2.0/mlflow/no/such/endpoint")[0] == 404
    assert "RESOURCE_DOES_NOT_EXIST" not in str(raw("/api/2.0/mlflow/no/such/endpoint")[1])
    assert raw("/api/2.0/mlflow/runs/get?run_id=" + "0" * 32)[1]["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    assert raw("/health") == (200, "OK")
    assert re.fullmatch(r"\d+\.\d+\.\d+", raw("/version")[1])
    assert raw("/api/3.0/mlflow/server-info")[1]["store_type"] == "SqlStore"


def test_pages_of_other_sites_and_rebound_names_are_refused(raw: Raw) -> None:
    path = "/api/2.0/mlflow/experiments/create"
    host = raw.url.removeprefix("http://")
    assert raw(path, '{"name": "a"}', {"Host": "evil.example"})[0] == 403
    assert raw(path, '{"name": "a"}', {"Origin": "http://evil.example"})[0] == 403
    assert raw("/ajax-api/2.0/mlflow/experiments/search", None, {"Host": "evil.example"})[0] == 403
    assert raw("/version", None, {"Host": "evil.example"})[0] == 403
    assert raw(path, '{"name": "a"}', {"Origin": f"http://{host}"})[0] == 200


def test_the_command_line_works(client: MlflowClient, store: Store) -> None:
    def mlflow_command(*arguments: str) -> str:
        command = [sys.executable, "-m", "mlflow", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    made = mlflow_command("experiments", "create", "--experiment-name", "by command")
    id_ = client.get_experiment_by_name("by command").experiment_id
    assert id_ in made
    with mlflow.start_run(experiment_id=id_, run_name="listed"):
        pass
    assert "listed" in mlflow_command("runs", "list", "--experiment-id", id_)
    assert [run["name"] for run in store.runs()] == ["listed"]


def test_runs_of_a_server_are_imported_once(
    client: MlflowClient, run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LAB_SERVER", raising=False)
    experiment = client.get_run(run).info.experiment_id
    client.log_batch(run, [Metric("m", float(i), 1_000 + i, i) for i in range(1_000)], [Param("lr", "0.1")])
    client.log_metric(run, "nan", math.nan)
    client.set_terminated(run)
    part = client.create_run(experiment, tags={"mlflow.parentRunId": run}).info.run_id
    client.set_terminated(part, "FAILED")
    folder = tmp_path / "imported"
    subprocess.run([LAB, "init", folder, "--quiet"], check=True)
    there = Store(folder / ".lab")
    lines = there.cli("import", "mlflow", client.tracking_uri)
    assert [line["outcome"] for line in lines] == ["imported"] * 2
    assert {line["outcome"] for line in there.cli("import", "mlflow", client.tracking_uri)} == {"there"}
    ours = there.cli("runs", "show", run)
    assert (ours["status"], ours["parameters"], ours["child_run_ids"]) == (
        "completed",
        {"lr": 0.1},
        [str(uuid.UUID(part))],
    )
    assert there.history(run, "m")["values"] == [float(i) for i in range(1_000)]
    assert there.cli("runs", "show", part)["status"] == "failed"


def test_optuna_logs_its_trials(client: MlflowClient) -> None:
    integration = pytest.importorskip("optuna_integration", reason="needs optuna-integration[mlflow]")
    import optuna

    callback = integration.MLflowCallback(client.tracking_uri, metric_name="loss")
    study = optuna.create_study(study_name="trials")
    study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=3, callbacks=[callback])
    experiment = client.get_experiment_by_name("trials")
    found = client.search_runs([experiment.experiment_id], "metrics.loss >= 0", order_by=["metrics.loss"])
    assert [run.data.metrics["loss"] for run in found] == sorted(trial.value for trial in study.trials)


def test_lightning_logs_a_training(client: MlflowClient, tmp_path: Path) -> None:
    loggers = pytest.importorskip("lightning.pytorch.loggers", reason="needs lightning")
    logger = loggers.MLFlowLogger("lightning", tracking_uri=client.tracking_uri)
    logger.log_hyperparams({"lr": 0.1, "nested": {"a": 1}})
    logger.log_metrics({"loss": 0.5}, step=3)
    logger.finalize("success")
    found = client.get_run(logger.run_id)
    assert (found.info.status, found.data.params["nested/a"], found.data.metrics["loss"]) == ("FINISHED", "1", 0.5)


def test_a_trainer_of_transformers_logs_its_loss(client: MlflowClient, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="needs transformers")
    torch = pytest.importorskip("torch", reason="needs torch")
    config = transformers.GPT2Config(n_layer=1, n_head=1, n_embd=8, vocab_size=16, n_positions=8)
    arguments = transformers.TrainingArguments(
        str(tmp_path), report_to="mlflow", max_steps=2, logging_steps=1, use_cpu=True, save_strategy="no", run_name="hf"
    )
    row = {"input_ids": torch.arange(8), "labels": torch.arange(8)}
    transformers.Trainer(transformers.GPT2LMHeadModel(config), arguments, train_dataset=[row] * 4).train()
    (found,) = client.search_runs(["0"], "attributes.run_name = 'hf'")
    assert found.data.params["max_steps"] == "2"
    assert len(client.get_metric_history(found.info.run_id, "loss")) == 2
