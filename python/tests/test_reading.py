"""What was logged reads back as plain data."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from conftest import Store

import llm_research_lab as lab


def log_runs(store: Store) -> None:
    """Three seeds in each of two configurations, the second clearly worse."""
    for layers in (2, 4):
        for seed in range(3):
            with lab.init("tiny", config={"model": {"layers": layers}, "seed": seed}, tags=["t"]) as run:
                for step in range(5):
                    run.log({"loss": layers * (1 + seed / 100) + step}, step=step)


def test_runs_are_found_sorted_and_flattened(either: Store) -> None:
    log_runs(either)
    found = lab.runs("tiny", where="params.model.layers = 4", sort="metrics.loss desc")
    assert [run.summary["loss"]["last"] for run in found] == [8.08, 8.04, 8.0]
    frame = lab.runs(limit=2).to_frame()
    assert frame["params.model.layers"] == [4, 4]
    assert frame["metrics.loss"] == [8.08, 8.04]
    assert frame["tags.t"] == ["", ""]
    assert lab.runs(where="name = 'nobody'").to_frame() == {}


@pytest.mark.parametrize("arrow", [True, False])
def test_points_come_in_columns(either: Store, arrow: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not arrow:
        monkeypatch.setattr("llm_research_lab._read.find_spec", lambda name: None)
    with lab.init("points", config={"nan": math.nan}) as run:
        run.log({"x": 1.0, "y": math.inf}, step=3)
        run.log({"x": 2.0}, step=4)
        run.log({"x": 9.0}, step=4, context={"rank": 1})
    kept = lab.get_run("points#1")
    history = kept.history()
    assert history["metric"] == ["x", "x", "y"]
    assert history["step"] == [3, 4, 3]
    assert history["value"] == [1.0, 2.0, math.inf]
    assert kept.history("x", context={"rank": "1"})["value"] == [9.0]
    assert run.history("x")["value"] == [1.0, 2.0]
    assert math.isnan(kept.config["nan"])


def test_a_comparison_says_which_is_better(either: Store) -> None:
    log_runs(either)
    found = lab.compare(
        experiments=["tiny"], group_by=["params.model.layers"], metrics=["loss"], lower_is_better=["loss"]
    )
    assert len(found.sentences) == 1
    assert "worse" in str(found)
    assert found["metrics"][0]["pairs"][0]["difference"] == pytest.approx(2.02)
    ranks = lab.compare(
        experiments="tiny",
        group_by="params.model.layers",
        metrics="loss",
        reduce="mean-of-last:1",
        test="rank",
        correction="bh",
    )
    assert ranks["reduction"] == {"kind": "mean_of_last", "steps": 1}
    assert ranks["correction"] == "benjamini_hochberg"
    assert ranks["metrics"][0]["pairs"][0]["difference"] == pytest.approx(2.02)
    with pytest.raises(lab.ValidationError, match="mean-of-last:10"):
        lab.compare("a", "b", reduce="mean-of-last")


def test_what_is_not_there_is_told_by_kind_of_error(either: Store) -> None:
    with pytest.raises(lab.NotFoundError, match="nowhere"):
        lab.experiment("nowhere")
    with pytest.raises(lab.NotFoundError):
        lab.get_run("nowhere#1")
    with pytest.raises(lab.ValidationError, match="character"):
        lab.runs(where="loss <")
    with pytest.raises(lab.LabError) as refused:
        lab.compare("a", "b")
    assert refused.value.code == "NOT_FOUND"


def test_an_experiment_and_artifacts_read_back(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a b.txt").write_text("hello")
    with lab.init("tiny") as run:
        run.log_artifact(tmp_path / "a b.txt")
    assert lab.experiment("tiny")["status"] == "active"
    kept = lab.get_run(run.id)
    assert [artifact["name"] for artifact in kept.artifacts()] == ["a b.txt"]
    assert kept.artifact("a b.txt") == b"hello"


def test_points_become_frames_of_other_libraries(either: Store) -> None:
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    with lab.init("points") as run:
        for step in range(2_000):
            run.log({"x": step / 2, "y": -1.0}, step=step)
    history = lab.get_run("points#1").history()
    assert history.to_arrow().schema.names == ["metric", "step", "value", "time_micros"]
    assert isinstance(history.to_pandas(), pandas.DataFrame)
    frame = history.to_polars()
    assert frame.filter(polars.col("metric") == "x")["value"].to_list() == [step / 2 for step in range(2_000)]
    thinned = lab.get_run("points#1").history("x", max_points=100)
    assert 50 < len(thinned["value"]) <= 100


def test_frames_become_those_of_pandas(store: Store) -> None:
    pandas = pytest.importorskip("pandas")
    log_runs(store)
    frame = lab.runs().to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert frame.groupby("params.model.layers")["metrics.loss"].mean().round(2).tolist() == [6.02, 8.04]
