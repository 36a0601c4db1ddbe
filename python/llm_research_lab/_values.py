"""Python values as the tracker takes them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from os import PathLike, fspath
from typing import Any

from .errors import ValidationError

# Most lists and maps inside one another.
_MAX_DEPTH = 64


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as texts, numbers, booleans, lists and maps of them."""
    return {str(key): _plain(value, str(key), _MAX_DEPTH) for key, value in values.items()}


def _plain(value: Any, path: str, depth: int) -> Any:
    if isinstance(value, bool | int | float | str):
        return value
    if value is None:
        # There is no null: it is what people would read.
        return "None"
    if depth == 0:
        raise ValidationError(
            f"`{path[:40]}` holds more than {_MAX_DEPTH} lists and maps inside one another", field=path
        )
    if isinstance(value, Mapping):
        return {str(key): _plain(inner, f"{path}.{key}", depth - 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, f"{path}[{i}]", depth - 1) for i, inner in enumerate(value)]
    if isinstance(value, set | frozenset):
        return sorted((_plain(inner, path, depth - 1) for inner in value), key=repr)
    if isinstance(value, PathLike):
        return str(fspath(value))
    # Arrays and tensors, down to one of their elements.
    if not isinstance(value, type) and callable(convert := getattr(value, "tolist", None)):
        return _plain(convert(), path, depth - 1)
    if hasattr(value, "__dict__") and not isinstance(value, type) and not callable(value):
        return _plain(vars(value), path, depth - 1)
    # A dtype, a class, a function: its text is what can be kept.
    return str(value)


def to_json(metadata: Mapping[str, Any]) -> str:
    """Free metadata as JSON."""
    return json.dumps(metadata, default=lambda value: _plain(value, "metadata", _MAX_DEPTH))


def to_tags(tags: Iterable[str] | Mapping[str, Any] | None) -> dict[str, str]:
    """Labels, or keys with values."""
    if tags is None:
        return {}
    if isinstance(tags, str):
        return {tags: ""}
    if isinstance(tags, Mapping):
        return {str(key): str(value) for key, value in tags.items()}
    return {str(tag): "" for tag in tags}
