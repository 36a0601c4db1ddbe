"""What a script logs is what the program tells, beside the script and behind a server."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from conftest import LAB, Store

import llm_research_lab as lab


def test_a_run_is_kept_whole(either: Store, tmp_path: Path) -> None:
    model = tmp_path / "model.bin"
    model.write_bytes(bytes(range(256)) * 400)
    with lab.init(experiment="tiny", name="first", config={"lr": 3e-4, "layers": 4}, tags=["baseline"]) as run:
        for step in range(100):
            run.log({"train": {"loss": 1 / (step + 1)}, "acc": step / 100}, step=step)
        run.log_artifact(model, type="model", metadata={"epoch": 3})
        run.use_dataset("wikitext", split="train")
        run.use_model("gpt-2", provider="hugging_face")

    kept = either.run()
    assert kept["id"] == run.id
    assert (kept["name"], kept["status"], kept["experiment_name"]) == ("first", "completed", "tiny")
    assert kept["parameters"] == {"lr": 3e-4, "layers": 4}
    assert kept["tags"] == {"baseline": ""}
    metrics = {metric["name"]: metric for metric in kept["metrics"]}
    assert metrics["train/loss"]["count"] == 100
    assert metrics["train/loss"]["last"] == 0.01
    assert metrics["acc"]["max"] == 0.99
    history = either.history(run.id, "train/loss")
    assert history["steps"] == list(range(100))
    assert history["values"] == [1 / (step + 1) for step in range(100)]
    (artifact,) = kept["artifacts"]
    assert (artifact["name"], artifact["type"], artifact["size_bytes"]) == ("model.bin", "model", 102_400)
    graph = either.cli("lineage", f"run:{run.id}")
    assert {edge["type"] for edge in graph["edges"]} >= {"uses_dataset", "uses_model", "produces"}
    assert {node["label"] for node in graph["nodes"]} >= {"first", "wikitext", "gpt-2", "model.bin"}
    assert either.spools() == []


def test_the_environment_names_the_script_the_interpreter_and_its_packages(store: Store) -> None:
    done = store.python("import llm_research_lab as lab\nwith lab.init('e') as run: run.log({'x': 1})\n")
    assert done.returncode == 0, done.stderr
    environment = store.run()["environment_snapshot"]
    assert environment["command"]["entry_point"].endswith("script.py")
    assert "numpy" in {package["name"] for package in environment["dependencies"]["packages"]}


def test_numbers_of_any_kind_are_taken(store: Store) -> None:
    run = lab.init("kinds")
    run.log(
        {
            "int": 3,
            "bool": True,
            "huge": 2**60,
            "float32": np.float32(0.5),
            "int64": np.int64(7),
            "array": np.array([1.25]),
            "zero_dimensions": np.array(2.5),
            "nan": math.nan,
            "inf": math.inf,
        }
    )
    run.finish()
    last = {metric["name"]: metric["last"] for metric in store.run()["metrics"]}
    assert last == {
        "int": 3,
        "bool": 1,
        "huge": 2**60,
        "float32": 0.5,
        "int64": 7,
        "array": 1.25,
        "zero_dimensions": 2.5,
        "nan": "NaN",
        "inf": "Infinity",
    }


@pytest.mark.parametrize(
    "value", ["0.5", None, [1, 2], np.array([]), object()], ids=["text", "none", "list", "empty", "object"]
)
def test_what_is_not_a_number_is_refused_by_name_and_nothing_of_the_call_is_kept(store: Store, value: object) -> None:
    run = lab.init("kinds")
    with pytest.raises(TypeError, match="bad"):
        run.log({"good": 1, "bad": value})
    run.finish()
    assert store.run()["metrics"] == []


def test_steps_count_up_and_may_go_back(store: Store) -> None:
    run = lab.init("steps")
    run.log({"x": 0.0})
    run.log({"x": 1.0})
    run.log({"x": 10.0}, step=10)
    run.log({"x": 11.0})
    run.log({"x": 5.0}, step=5)
    run.finish()
    history = store.history(run.id, "x")
    assert dict(zip(history["steps"], history["values"], strict=True)) == {0: 0, 1: 1, 5: 5, 10: 10, 11: 11}


def test_parameters_of_any_kind_are_kept_as_they_are_read(store: Store) -> None:
    @dataclass
    class Model:
        layers: int = 4

    config = {
        "model": Model(),
        "path": Path("a/b"),
        "none": None,
        "flags": {"b", "a"},
        "array": np.array([1, 2]),
        "scalar": np.float64(0.5),
        "huge": 2**80,
        "nan": math.nan,
        "dtype": np.float32,
    }
    lab.init("kinds", config=config).finish()
    parameters = store.run()["parameters"]
    assert parameters.pop("dtype") == "<class 'numpy.float32'>"
    assert parameters.pop("nan") == {"$float": "NaN"}
    assert parameters == {
        "model": {"layers": 4},
        "path": "a/b",
        "none": "None",
        "flags": ["a", "b"],
        "array": [1, 2],
        "scalar": 0.5,
        "huge": str(2**80),
    }


def test_parameters_never_change(store: Store) -> None:
    run = lab.init("fixed", config={"lr": 0.1})
    run.config["layers"] = 2
    run.config.update(lr=0.1)
    with pytest.raises(lab.ConflictError, match="lr"):
        run.config["lr"] = 0.2
    with pytest.raises(lab.ConflictError, match="lr"):
        del run.config["lr"]
    assert run.config.layers == 2
    run.finish()
    assert store.run()["parameters"] == {"lr": 0.1, "layers": 2}


def test_a_folder_is_logged_file_by_file(store: Store, tmp_path: Path) -> None:
    (tmp_path / "out/deep").mkdir(parents=True)
    (tmp_path / "out/a.txt").write_text("a")
    (tmp_path / "out/deep/b.txt").write_text("b")
    with lab.init("files") as run:
        run.log_artifact(tmp_path / "out")
        (tmp_path / "out/a.txt").write_text("changed after the call")
    assert {artifact["name"]: artifact["size_bytes"] for artifact in store.run()["artifacts"]} == {
        "out/a.txt": 1,
        "out/deep/b.txt": 1,
    }


def test_a_file_that_is_not_there_is_named(store: Store) -> None:
    with lab.init("files") as run, pytest.raises(lab.StorageError, match=r"nowhere\.bin"):
        run.log_artifact("nowhere.bin")


def test_the_module_speaks_for_the_run_begun_last(store: Store) -> None:
    with pytest.raises(lab.InvalidStateError, match=r"lab\.init"):
        lab.log({"x": 1})
    lab.init(project="by-project", group="sweep")
    lab.log({"x": 1})
    lab.finish()
    kept = store.run()
    assert (kept["experiment_name"], kept["tags"]) == ("by-project", {"group": "sweep"})
    with pytest.raises(lab.InvalidStateError):
        lab.log({"x": 2})


def test_a_run_may_be_a_part_of_another(store: Store) -> None:
    with lab.init("nested") as outer:
        lab.init("nested", parent=outer).finish()
    inner = next(run for run in store.runs() if run["id"] != outer.id)
    assert inner["parent_run_id"] == outer.id


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"experiment": ""}, "experiment"),
        ({"experiment": "x" * 300}, "experiment"),
        ({"id": "not-an-id"}, "id"),
        ({"parent": "not-an-id"}, "parent"),
        ({"mode": "sometimes"}, "mode"),
    ],
)
def test_wrong_arguments_are_named(store: Store, arguments: dict[str, str], named: str) -> None:
    with pytest.raises(lab.ValidationError, match=named) as refused:
        lab.init(**({"experiment": "e"} | arguments))  # type: ignore[arg-type]
    assert refused.value.code == "VALIDATION_ERROR"


def test_nothing_is_kept_where_tracking_is_disabled(store: Store) -> None:
    with lab.init("off", mode="disabled", config={"a": 1}) as run:
        run.log({"x": 1})
        run.config["b"] = 2
    assert (run.id, dict(run.config)) == ("", {"a": 1, "b": 2})
    assert store.runs() == []


def test_what_is_logged_offline_is_delivered_later(store: Store) -> None:
    with lab.init("later", mode="offline") as run:
        run.log({"x": 1})
    assert store.runs() == []
    assert len(store.spools()) == 1
    store.cli("sync")
    assert [kept["id"] for kept in store.runs()] == [run.id]
    assert store.spools() == []


def test_a_server_that_comes_later_gets_everything(
    store: Store, serve: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_SERVER", "http://127.0.0.1:9")
    run = lab.init("later")
    run.log({"x": 1})
    run.finish(timeout=0.1)
    assert len(store.spools()) == 1
    monkeypatch.delenv("LAB_SERVER")
    store.cli("sync")
    assert store.run()["status"] == "completed"


def test_the_program_is_the_one_under_test() -> None:
    assert LAB.is_file(), f"{LAB} is missing: cargo build -p lab"
