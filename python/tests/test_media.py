"""What is not one number is kept as what it is, and its files beside it."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Store

import llm_research_lab as lab


def logged(store: Store, values: dict[str, Any]) -> tuple[lab.KeptRun, dict[str, Any]]:
    """Logs values at step 7, and reads them back by name."""
    with lab.init("media") as run:
        run.log(values, step=7)
    kept = lab.get_run(run.id)
    found = kept.values()
    assert {value["step"] for value in found} <= {7}
    return kept, {value["name"]: value["value"] for value in found}


def test_an_array_is_a_histogram_beside_the_numbers(either: Store) -> None:
    kept, found = logged(either, {"loss": 0.5, "weights": {"layer0": np.array([[0.0, 1.0], [1.0, np.nan]])}})
    histogram = found["weights/layer0"]
    assert (histogram["count"], sum(histogram["counts"]), histogram["sum"]) == (4, 3, 2.0)
    assert (histogram["boundaries"][0], histogram["boundaries"][-1]) == (0.0, 1.0)
    assert (histogram["counts"][0], histogram["counts"][-1]) == (1, 2)
    assert kept.history("loss")["step"] == [7]


@pytest.mark.parametrize("values", [[], [3.0, 3.0], [float("nan")], [1e308, -1e308], [1.0, 1.0 + 2**-52]])
def test_a_histogram_of_anything_is_one_that_the_store_takes(store: Store, values: list[float]) -> None:
    _, found = logged(store, {"h": lab.Histogram(values)})
    assert found["h"]["count"] == len(values)
    assert sum(found["h"]["counts"]) == sum(np.isfinite(values))


def test_a_confusion_matrix_counts_pairs(store: Store) -> None:
    matrix = lab.ConfusionMatrix(np.array(["a", "b", "b"]), ["a", "a", "b"])
    _, found = logged(store, {"confusion": matrix})
    assert found["confusion"] == {"kind": "confusion_matrix", "labels": ["a", "b"], "counts": [[1, 0], [1, 1]]}
    with pytest.raises(lab.ValidationError, match="c"):
        lab.ConfusionMatrix(["c"], ["a"], labels=["a", "b"])


def test_a_table_is_kept_by_column(store: Store) -> None:
    table = lab.Table(["prompt", "score"])
    table.add("2 + 2?", 0.5)
    table.add("\u202e<script>", float("nan"))
    kept, found = logged(store, {"examples": table})
    described = found["examples"]["value"]
    assert (described["type"], described["rows"], described["columns"]) == ("table", 2, ["prompt", "score"])
    columns = json.loads(kept.artifact(described["artifact"]))["columns"]
    assert columns["prompt"] == ["2 + 2?", "\u202e<script>"]
    assert columns["score"][0] == 0.5
    with pytest.raises(lab.ValidationError, match="2 columns"):
        table.add("one")


def test_a_table_of_columns_has_columns_of_one_length() -> None:
    assert len(lab.Table(data={"a": [1, 2], "b": [3, 4]})) == 2
    with pytest.raises(lab.ValidationError, match="lengths"):
        lab.Table(data={"a": [1, 2], "b": [3]})


@pytest.mark.parametrize(
    ("array", "colour", "pixels"),
    [
        (np.array([[0, 255]], dtype=np.uint8), 0, b"\0\xff"),
        (np.array([[[1.0, 0.5, 0.0]]]), 2, b"\xff\x80\0"),
        (np.zeros((1, 1, 4), dtype=np.uint8), 6, b"\0\0\0\0"),
    ],
)
def test_an_array_is_drawn_as_a_picture(store: Store, array: Any, colour: int, pixels: bytes) -> None:
    kept, found = logged(store, {"sample": lab.Image(array, caption="one")})
    described = found["sample"]["value"]
    assert (described["type"], described["caption"]) == ("image", "one")
    png = kept.artifact(described["artifact"])
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height, depth, kind = struct.unpack(">IIBB", png[16:26])
    assert (width, height, depth, kind) == (array.shape[1], array.shape[0], 8, colour)
    start = png.index(b"IDAT") + 4
    assert zlib.decompress(png[start:]) == b"\0" + pixels


def test_a_file_is_a_picture_as_it_is(store: Store, tmp_path: Path) -> None:
    (tmp_path / "plot.SVG").write_text("<svg/>")
    kept, found = logged(store, {"plot": lab.Image(tmp_path / "plot.SVG"), "note": lab.Text("hello")})
    assert kept.artifact(found["plot"]["value"]["artifact"]) == b"<svg/>"
    assert found["note"]["value"] == {"type": "text", "text": "hello"}


def test_figures_are_known_by_what_they_can_do(store: Store) -> None:
    class Matplotlib:
        def savefig(self, file: Path) -> None:
            file.write_bytes(b"png")

    class Plotly:
        def to_plotly_json(self) -> dict[str, Any]:
            return {}

        def to_json(self) -> str:
            return '{"data": []}'

    kept, found = logged(store, {"a": Matplotlib(), "b": Plotly()})
    assert kept.artifact(found["a"]["value"]["artifact"]) == b"png"
    assert kept.artifact(found["b"]["value"]["artifact"]) == b'{"data": []}'


def test_nothing_of_a_call_is_kept_if_a_picture_cannot_be_read(store: Store) -> None:
    with lab.init("media") as run, pytest.raises(lab.StorageError, match=r"nowhere\.png"):
        run.log({"loss": 1.0, "picture": lab.Image("nowhere.png")})
    assert store.run()["metrics"] == []
