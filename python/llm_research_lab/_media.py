"""Values that are not one number: what they are kept as."""

from __future__ import annotations

import json
import math
import os
import struct
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ._values import to_json
from .errors import ValidationError

# Keeps a file of the run under a name below `media/`.
Keep = Callable[[Path, str, str], None]


class Media:
    """A value that :meth:`llm_research_lab.Run.log` takes beside numbers."""

    def _to_value(self, keep: Keep, name: str) -> dict[str, Any]:
        """The value as the tracker knows it; ``keep`` stores what belongs into a file."""
        raise NotImplementedError


class Histogram(Media):
    """How values are distributed: counts between boundaries.

    Args:
        values: Numbers; those that are not finite are counted in no bucket.
        bins: How many buckets of equal width.
    """

    def __init__(self, values: Any, bins: int = 64) -> None:
        if bins < 1:
            raise ValidationError("`bins` must be at least 1", field="bins")
        numbers = _numbers(values)
        finite = [x for x in numbers if math.isfinite(x)]
        low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
        if low == high:
            low, high = low - max(abs(low), 1.0) / 2, high + max(abs(high), 1.0) / 2
        # Each end by itself, because the difference of two floats may be infinite.
        boundaries = [low, *(low / bins * (bins - i) + high / bins * i for i in range(1, bins)), high]
        # Floats may be too close together for that many.
        self.boundaries = sorted(set(boundaries))
        self.counts = [0] * (len(self.boundaries) - 1)
        for x in finite:
            self.counts[min(bisect_right(self.boundaries, x) - 1, len(self.counts) - 1)] += 1
        self.sum = math.fsum(finite)
        self.count = len(numbers)

    def _to_value(self, keep: Keep, name: str) -> dict[str, Any]:
        return {
            "kind": "distribution",
            "form": "histogram",
            "boundaries": self.boundaries,
            "counts": self.counts,
            "sum": self.sum,
            "count": self.count,
        }


class ConfusionMatrix(Media):
    """How often each class was taken for each other.

    Args:
        actual: Class of each example; or, with ``counts``, nothing.
        predicted: Class it was taken for.
        labels: Names of the classes, in order. Those that occur, sorted, where absent.
        counts: ``counts[actual][predicted]``, in place of the examples.
    """

    def __init__(
        self,
        actual: Iterable[Any] = (),
        predicted: Iterable[Any] = (),
        *,
        labels: Sequence[Any] | None = None,
        counts: Sequence[Sequence[int]] | None = None,
    ) -> None:
        pairs = list(zip(map(_item, actual), map(_item, predicted), strict=True))
        if labels is None:
            labels = sorted({label for pair in pairs for label in pair}, key=str)
        self.labels = [str(_item(label)) for label in labels]
        if counts is not None:
            self.counts = [[int(count) for count in row] for row in counts]
            return
        index = {_item(label): i for i, label in enumerate(labels)}
        self.counts = [[0] * len(index) for _ in index]
        for pair in pairs:
            try:
                self.counts[index[pair[0]]][index[pair[1]]] += 1
            except KeyError as error:
                raise ValidationError(f"class {error} is not in `labels`", field="labels") from None

    def _to_value(self, keep: Keep, name: str) -> dict[str, Any]:
        return {"kind": "confusion_matrix", "labels": self.labels, "counts": self.counts}


class Text(Media):
    """A text, as a sample that a model wrote."""

    def __init__(self, text: str) -> None:
        self.text = text

    def _to_value(self, keep: Keep, name: str) -> dict[str, Any]:
        return _custom("text", text=self.text)


class Table(Media):
    """Rows of examples, as prompt, output and score; kept by column.

    Args:
        columns: Names of the columns; from the data where it has them.
        data: Rows, or a mapping of columns, or a frame of pandas or polars.
    """

    def __init__(self, columns: Sequence[str] | None = None, data: Any = ()) -> None:
        if hasattr(data, "to_dict"):
            data = data.to_dict("list") if hasattr(data, "iloc") else data.to_dict(as_series=False)
        if isinstance(data, Mapping):
            self.columns = {str(name): list(values) for name, values in data.items()}
        else:
            self.columns = {str(name): [] for name in columns or ()}
            for row in data:
                self.add(*row)
        if len({len(values) for values in self.columns.values()}) > 1:
            raise ValidationError("the columns have different lengths", field="data")

    def add(self, *row: Any) -> None:
        """Adds a row: a value for each column."""
        if len(row) != len(self.columns):
            problem = f"a row has {len(row)} values, and there are {len(self.columns)} columns"
            raise ValidationError(problem, field="data")
        for values, value in zip(self.columns.values(), row, strict=True):
            values.append(value)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), []))

    def _to_value(self, keep: Keep, name: str) -> dict[str, Any]:
        with TemporaryDirectory() as folder:
            file = Path(folder) / "table.json"
            file.write_text(to_json({"columns": self.columns}))
            keep(file, f"{name}.table.json", "table")
        return _custom("table", artifact=f"{name}.table.json", columns=list(self.columns), rows=len(self))


class Image(Media):
    """A picture: a file, an image of PIL, or an array of height x width (x 1, 3 or 4 channels).

    Args:
        source: Arrays hold 0 to 255, or 0 to 1 if they are of floats.
        caption: What it shows.
    """

    def __init__(self, source: Any, caption: str | None = None) -> None:
        self._source = source
        self.caption = caption

    def _to_value(self, keep: Keep, name: str) -> dict[str, Any]:
        with TemporaryDirectory() as folder:
            if isinstance(self._source, str | os.PathLike):
                file = Path(self._source)
            else:
                file = Path(folder) / "image.png"
                if hasattr(self._source, "save"):
                    self._source.save(file)
                else:
                    file.write_bytes(_png(self._source))
            keep(file, f"{name}{file.suffix.lower()}", "visualization")
            return _custom("image", artifact=f"{name}{file.suffix.lower()}", caption=self.caption)


class _Figure(Media):
    """A figure of matplotlib or plotly."""

    def __init__(self, figure: Any) -> None:
        self._figure = figure

    def _to_value(self, keep: Keep, name: str) -> dict[str, Any]:
        with TemporaryDirectory() as folder:
            if hasattr(self._figure, "savefig"):
                file = Path(folder) / "figure.png"
                self._figure.savefig(file)
                keep(file, f"{name}.png", "visualization")
                return _custom("image", artifact=f"{name}.png")
            file = Path(folder) / "figure.json"
            file.write_text(self._figure.to_json())
            keep(file, f"{name}.plotly.json", "visualization")
            return _custom("plotly", artifact=f"{name}.plotly.json")


def split(values: Mapping[str, Any], prefix: str = "") -> tuple[dict[str, Any], dict[str, Media]]:
    """What may be numbers, and what is something else, each by its path."""
    numbers: dict[str, Any] = {}
    media: dict[str, Media] = {}
    for key, value in values.items():
        path = f"{prefix}{key}"
        if isinstance(value, Media):
            media[path] = value
        elif isinstance(value, Mapping):
            inner_numbers, inner_media = split(value, f"{path}/")
            numbers |= inner_numbers
            media |= inner_media
        elif hasattr(value, "savefig") or (hasattr(value, "to_json") and hasattr(value, "to_plotly_json")):
            media[path] = _Figure(value)
        elif isinstance(getattr(value, "shape", None), tuple) and math.prod(value.shape) > 1:
            media[path] = Histogram(value)
        else:
            numbers[path] = value
    return numbers, media


def encode(media: Mapping[str, Media], step: int, keep: Keep) -> list[tuple[str, str]]:
    """The values as JSON, by name; their files are kept first."""
    return [(path, json.dumps(value._to_value(keep, f"media/{path}/{step}"))) for path, value in media.items()]


def _custom(kind: str, **value: Any) -> dict[str, Any]:
    return {"kind": "custom", "value": {"type": kind} | {k: v for k, v in value.items() if v is not None}}


def _item(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _numbers(values: Any) -> list[float]:
    """The numbers of an array, a tensor on any device, or a sequence, whatever its shape."""
    for convert in ("detach", "cpu", "flatten", "tolist"):
        if hasattr(values, convert):
            values = getattr(values, convert)()
    return [float(value) for value in values]


def _png(array: Any) -> bytes:
    """An array as a PNG file: https://www.w3.org/TR/png-3."""
    shape = tuple(array.shape)
    if len(shape) == 2:
        shape = (*shape, 1)
    if len(shape) != 3 or shape[2] not in (1, 3, 4):
        raise ValidationError(f"an image must be height x width (x 1, 3 or 4), not {array.shape}", field="source")
    height, width, channels = shape
    flat = _numbers(array)
    scale = 255.0 if "float" in str(array.dtype) else 1.0
    pixels = bytes(min(255, max(0, round(x * scale))) if math.isfinite(x) else 0 for x in flat)
    row = width * channels
    # Each row begins with its filter: none.
    raw = b"".join(b"\0" + pixels[i * row : (i + 1) * row] for i in range(height))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    colour = {1: 0, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
