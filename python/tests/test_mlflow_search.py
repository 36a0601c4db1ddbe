"""Searches of MLflow's client, and what the genuine server 3.17.2 finds for them.

The tables in mlflow_searches.json were made by it; LAB_TEST_MLFLOW=http://127.0.0.1:5000 checks them against one again.
Not in them is what this server is kinder about (slashes without quotes, spaces around keys to sort by) and what it
sorts otherwise on purpose: parameters that are numbers by size, states by their names here.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException

TABLES = json.loads((Path(__file__).parent / "mlflow_searches.json").read_text())


@dataclass
class Runs:
    """An experiment whose runs the filters are about."""

    client: MlflowClient
    experiment: str
    ids: dict[str, str]

    def names(
        self, filter_: str = "", order_by: list[str] | None = None, view: int = ViewType.ACTIVE_ONLY
    ) -> list[str]:
        """The names of the runs found, in order; an error is its code."""
        for name, id_ in self.ids.items():
            filter_ = filter_.replace(f"<{name}>", id_)
        try:
            found = self.client.search_runs([self.experiment], filter_, view, order_by=order_by)
        except MlflowException as error:
            return [error.error_code]
        return [run.info.run_name for run in found]


def data_input(name: str, digest: str, context: str) -> DatasetInput:
    return DatasetInput(Dataset(name, digest, "local", "{}"), [InputTag("mlflow.data.context", context)])


@pytest.fixture
def runs(client: MlflowClient) -> Runs:
    """Five runs, one of them deleted."""
    experiment = client.create_experiment(f"searched-{uuid.uuid4().hex}")
    ids: dict[str, str] = {}

    def create(
        name: str, start: int, tags: dict[str, str], params: dict[str, str], metrics: dict[str, list[float]]
    ) -> str:
        run = client.create_run(experiment, start_time=start, tags={"mlflow.user": "ann", **tags}, run_name=name)
        ids[name] = run.info.run_id
        points = [Metric(k, v, 1_000 + i, i) for k, values in metrics.items() for i, v in enumerate(values)]
        client.log_batch(run.info.run_id, points, [Param(k, v) for k, v in params.items()], [RunTag("all", "1")])
        return run.info.run_id

    a = create(
        "alpha",
        1000,
        {"team": "x", "a.b": "1", "with space": "y"},
        {"opt": "adam", "lr": "0.1", "layers": "12", "flag": "True", "list": "[1, 2]", "a/b": "p"},
        {"acc": [0.1, 0.9], "loss": [0.5], "val/acc": [0.7], "a.b": [2.0]},
    )
    client.log_inputs(a, [data_input("mnist", "d1", "train"), data_input("cifar", "d2", "eval")])
    client.set_terminated(a, "FINISHED", 5000)
    b = create(
        "beta",
        1001,
        {"team": "y"},
        {"opt": "AdamW", "lr": "0.10", "layers": "3", "flag": "true"},
        {"acc": [0.5], "loss": [float("nan")]},
    )
    client.log_inputs(b, [data_input("mnist", "d2", "eval")])
    client.set_terminated(b, "FAILED", 6000)
    c = create("gamma", 1002, {}, {"opt": "sgd", "lr": "1e-05", "layers": "03"}, {"acc": [-1.5]})
    client.set_terminated(c, "KILLED", 6001)
    create("delta_run", 1003, {"team": "X", "mlflow.parentRunId": a}, {}, {})
    client.delete_run(create("epsilon", 1004, {"team": "x"}, {"opt": "adam"}, {"acc": [1.0]}))
    return Runs(client, experiment, ids)


@dataclass
class Experiments:
    """Experiments that have a tag of their own in common."""

    client: MlflowClient
    mark: str
    ids: dict[str, str]

    def names(
        self, filter_: str = "", order_by: list[str] | None = None, view: int = ViewType.ACTIVE_ONLY
    ) -> list[str]:
        """The names of the experiments found, in order; an error is its code."""
        for name, id_ in self.ids.items():
            filter_ = filter_.replace(f"<{name}>", id_).replace(f"'{name}'", f"'{name} {self.mark}'")
        mine = f"tags.mark = '{self.mark}'"
        try:
            found = self.client.search_experiments(view, 1_000, f"{filter_} AND {mine}" if filter_ else mine, order_by)
        except MlflowException as error:
            return [error.error_code]
        return [experiment.name.removesuffix(f" {self.mark}") for experiment in found]


@pytest.fixture
def experiments(client: MlflowClient) -> Experiments:
    """Four experiments, one of them deleted."""
    mark = uuid.uuid4().hex
    tags = {"one": {"team": "a", "a b": "1"}, "two": {"team": "b", "a.b": "2"}, "Three": {}, "gone": {"team": "a"}}
    ids = {name: client.create_experiment(f"{name} {mark}", tags={"mark": mark, **of}) for name, of in tags.items()}
    client.delete_experiment(ids["gone"])
    return Experiments(client, mark, ids)


def test_filters_find_the_runs_that_the_genuine_server_finds(runs: Runs) -> None:
    found = [[text, " ".join(sorted(runs.names(text)))] for text, _ in TABLES["runs"]]
    assert found == TABLES["runs"]
    assert runs.names("metrics.acc = 1", view=ViewType.DELETED_ONLY) == ["epsilon"]
    assert len(runs.names("", view=ViewType.ALL)) == 5


def test_orders_of_runs_are_those_of_the_genuine_server(runs: Runs) -> None:
    found = [[order_by, " ".join(runs.names("", order_by))] for order_by, _ in TABLES["orders of runs"]]
    assert found == TABLES["orders of runs"]


def test_filters_find_the_experiments_that_the_genuine_server_finds(experiments: Experiments) -> None:
    found = [[text, " ".join(sorted(experiments.names(text)))] for text, _ in TABLES["experiments"]]
    assert found == TABLES["experiments"]
    orders = TABLES["orders of experiments"]
    assert [[order_by, " ".join(experiments.names("", order_by))] for order_by, _ in orders] == orders
    assert experiments.names(view=ViewType.DELETED_ONLY) == ["gone"]
    assert len(experiments.names(view=ViewType.ALL)) == 4


@pytest.mark.parametrize("filter_", ["", "params.lr LIKE '1%'"], ids=["all", "by what is written"])
def test_pages_have_every_run_once(runs: Runs, filter_: str) -> None:
    client = runs.client
    for i in range(7):
        client.log_param(client.create_run(runs.experiment, start_time=2_000 + i).info.run_id, "lr", f"1{i}")
    at_once = [run.info.run_id for run in client.search_runs([runs.experiment], filter_)]
    paged, token = [], None
    while True:
        page = client.search_runs([runs.experiment], filter_, max_results=3, page_token=token)
        paged += [run.info.run_id for run in page]
        token = page.token
        if not token:
            break
        assert len(page) == 3
    assert paged == at_once and len(paged) == (8 if filter_ else 11)
    with pytest.raises(MlflowException, match=r"[Ii]nvalid page token"):
        client.search_runs([runs.experiment], page_token="nonsense")
    assert client.search_runs([], "") == [] and client.search_runs(["987654321"], "") == []
