"""Reading back what was logged, as plain data and as frames."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import quote, urlencode

from . import _core
from .errors import LabError, ValidationError, of

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

# What columns come as, where the library that reads it is installed.
_ARROW = "application/vnd.apache.arrow.stream"
# Most items that the API answers with at once.
_PAGE = 1_000

_NOT_FINITE = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


class Place:
    """Where to read: a store in a folder, or a server."""

    def __init__(self, dir: str | os.PathLike[str] | None = None, server: str | None = None) -> None:
        self._dir = None if dir is None else os.fspath(dir)
        self._server = server

    def get(self, path: str, **query: Any) -> Any:
        """The JSON that a GET is answered with."""
        return self._ask("GET", _with_query(path, query), None)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON that a POST is answered with."""
        return self._ask("POST", path, json.dumps({name: value for name, value in body.items() if value is not None}))

    def download(self, path: str, accept: str | None = None, **query: Any) -> bytes:
        """The bytes that a GET is answered with."""
        return self._send("GET", _with_query(path, query), None, accept)

    def _ask(self, method: str, path: str, body: str | None) -> Any:
        return json.loads(self._send(method, path, body))

    def _send(self, method: str, path: str, body: str | None, accept: str | None = None) -> bytes:
        status, answer = _core.request(method, f"/api/v1/{path}", body, self._dir, self._server, accept)
        if status < 400:
            return answer
        try:
            problem = json.loads(answer)
            error = of(problem["code"], problem["detail"], problem.get("field"), problem["retryable"])
        except (ValueError, KeyError, TypeError):
            # A proxy may answer for the server.
            error = LabError(f"the server answered {status}")
        raise error


def _with_query(path: str, query: Mapping[str, Any]) -> str:
    asked = {name: value for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(asked)}" if asked else path


def number(value: Any) -> Any:
    """A number as Python has it: JSON has no NaN and no infinities."""
    return _NOT_FINITE.get(value, value) if isinstance(value, str) else value


def _parameter(value: Any) -> Any:
    if isinstance(value, dict):
        if list(value) == ["$float"]:
            return _NOT_FINITE[value["$float"]]
        return {key.removeprefix("$"): _parameter(inner) for key, inner in value.items()}
    return [_parameter(inner) for inner in value] if isinstance(value, list) else value


def _flat(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


class Frame(Mapping[str, list[Any]]):
    """Columns of equal length, by name."""

    def __init__(self, columns: Mapping[str, list[Any]]) -> None:
        self._columns = dict(columns)

    def __getitem__(self, name: str) -> list[Any]:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __repr__(self) -> str:
        rows = len(next(iter(self._columns.values()), []))
        return f"<Frame of {rows} rows: {', '.join(self._columns)}>"

    def to_pandas(self) -> pandas.DataFrame:
        """The columns as a frame of pandas, which must be installed."""
        import pandas

        return pandas.DataFrame(self._columns)

    def to_polars(self) -> polars.DataFrame:
        """The columns as a frame of polars, which must be installed."""
        import polars

        return polars.DataFrame(self._columns, strict=False)

    def to_arrow(self) -> pyarrow.Table:
        """The columns as a table of pyarrow, which must be installed."""
        import pyarrow

        return pyarrow.table(self._columns)


class _ArrowFrame(Frame):
    """Columns that came as Arrow. They become lists where they are looked at, and frames without a detour."""

    def __init__(self, table: pyarrow.Table) -> None:
        super().__init__({})
        self._table = table

    def __getitem__(self, name: str) -> list[Any]:
        if name not in self._columns:
            self._columns[name] = self._table[name].to_pylist()
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._table.column_names)

    def __len__(self) -> int:
        return int(self._table.num_columns)

    def __repr__(self) -> str:
        return f"<Frame of {self._table.num_rows} rows: {', '.join(self)}>"

    def to_pandas(self) -> pandas.DataFrame:
        return self._table.to_pandas()

    def to_polars(self) -> polars.DataFrame:
        import polars

        return cast("polars.DataFrame", polars.from_arrow(self._table))

    def to_arrow(self) -> pyarrow.Table:
        return self._table


class KeptRun:
    """A run as it is kept."""

    def __init__(self, place: Place, row: Mapping[str, Any]) -> None:
        self._place = place
        self.row = row
        """All that the API tells of it."""
        self.id: str = row["id"]
        self.name: str = row["name"]
        self.number: int = row["number"]
        self.experiment: str = row["experiment_name"]
        self.status: str = row["status"]
        self.config: dict[str, Any] = {k: _parameter(v) for k, v in row.get("parameters", {}).items()}
        self.tags: dict[str, str] = row.get("tags", {})
        series = [metric for metric in row.get("metrics", []) if not metric.get("context")]
        self.summary: dict[str, dict[str, Any]] = {
            metric["name"]: {key: number(value) for key, value in metric.items() if key != "name"} for metric in series
        }
        """Of each metric: last, min, max, mean, count and more."""

    def __repr__(self) -> str:
        return f"<KeptRun {self.experiment}#{self.number} {self.name} {self.status}>"

    def history(self, *names: str, max_points: int | None = None, context: Mapping[str, str] | None = None) -> Frame:
        """The points of these metrics, or of all, one after another.

        Args:
            names: Which metrics.
            max_points: Most points of a metric; of each stretch the least and the greatest are kept. All where absent.
            context: What tells a series apart from others of the same name.

        With pyarrow installed the points come as Arrow columns: a million of them take milliseconds.

        Returns:
            The columns ``metric``, ``step``, ``value`` and ``time_micros`` (since 1970 UTC).
        """
        labels = json.dumps(context) if context else None
        asking = [{"name": name, "max_points": max_points, "context": labels} for name in names or self.summary]
        if asking and find_spec("pyarrow") is not None:
            return _ArrowFrame(self._history_as_arrow(asking))
        columns: dict[str, list[Any]] = {"metric": [], "step": [], "value": [], "time_micros": []}
        for asked in asking:
            name = asked["name"]
            series = self._place.get(f"runs/{self.id}/points", **asked)
            columns["metric"] += [name] * len(series["values"])
            columns["step"] += series["steps"]
            columns["value"] += [number(value) for value in series["values"]]
            columns["time_micros"] += series["times_micros"]
        return Frame(columns)

    def _history_as_arrow(self, asking: list[dict[str, Any]]) -> pyarrow.Table:
        import pyarrow

        tables = []
        for asked in asking:
            stream = self._place.download(f"runs/{self.id}/points", accept=_ARROW, **asked)
            table = pyarrow.ipc.open_stream(stream).read_all()
            name = pyarrow.repeat(pyarrow.scalar(asked["name"]), table.num_rows)
            columns = {"metric": name} | {column: table[column] for column in ("step", "value", "time_micros")}
            tables.append(pyarrow.table(columns))
        return pyarrow.concat_tables(tables)

    def values(self, name: str | None = None) -> list[dict[str, Any]]:
        """What was logged that is not one number: histograms, tables, images, texts."""
        return self._place.get(f"runs/{self.id}/values", name=name)["items"]  # type: ignore[no-any-return]

    def artifacts(self) -> list[dict[str, Any]]:
        """The artifacts, by name."""
        return self._place.get(f"runs/{self.id}/artifacts")["items"]  # type: ignore[no-any-return]

    def artifact(self, name: str) -> bytes:
        """The bytes of an artifact."""
        return self._place.download(f"runs/{self.id}/artifacts/content?{urlencode({'name': name})}")


class Runs(Sequence[KeptRun]):
    """Runs in the order that was asked for."""

    def __init__(self, items: Sequence[KeptRun]) -> None:
        self._items = list(items)

    def __getitem__(self, index: Any) -> Any:
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"<Runs: {len(self)}>"

    def to_frame(self) -> Frame:
        """A row a run: id, name, experiment, status, `params.…`, `metrics.…` (the last value) and `tags.…`."""
        rows = [
            {
                "id": run.id,
                "name": run.name,
                "experiment": run.experiment,
                "number": run.number,
                "status": run.status,
                "created_at": run.row["created_at"],
                **dict(_flat(run.config, "params.")),
                **{f"metrics.{name}": summary["last"] for name, summary in run.summary.items()},
                **{f"tags.{name}": value for name, value in run.tags.items()},
            }
            for run in self._items
        ]
        names = dict.fromkeys(name for row in rows for name in row)
        return Frame({name: [row.get(name) for row in rows] for name in names})

    def to_pandas(self) -> pandas.DataFrame:
        """The rows of :meth:`to_frame` as a frame of pandas."""
        return self.to_frame().to_pandas()

    def to_polars(self) -> polars.DataFrame:
        """The rows of :meth:`to_frame` as a frame of polars."""
        return self.to_frame().to_polars()


def runs(
    *experiments: str,
    where: str | None = None,
    sort: str | None = None,
    limit: int | None = None,
    dir: str | os.PathLike[str] | None = None,
    server: str | None = None,
) -> Runs:
    """Runs, newest first.

    Args:
        experiments: Only those of these experiments, by name or id.
        where: Only those that a filter finds, as ``metrics.loss < 0.5 and params.lr = 0.001``.
        sort: Keys to sort by, as ``metrics.loss asc``.
        limit: Most runs; all where absent.
        dir: Folder of the store, as ``LAB_DIR``.
        server: Base URL of a server, as ``LAB_SERVER``.

    Raises:
        ValidationError: the filter or the order is wrong.
        NotFoundError: there is no such experiment.
    """
    place = Place(dir, server)
    found: list[KeptRun] = []
    cursor = None
    while limit is None or len(found) < limit:
        size = _PAGE if limit is None else min(_PAGE, limit - len(found))
        search = {"experiments": experiments, "query": where, "sort": sort, "limit": size, "cursor": cursor}
        page = place.post("runs/search", search)
        found += [KeptRun(place, row) for row in page["items"]]
        cursor = page.get("next_cursor")
        if cursor is None:
            break
    return Runs(found)


def get_run(run: str, *, dir: str | os.PathLike[str] | None = None, server: str | None = None) -> KeptRun:
    """The run of that id, beginning of an id, ``EXPERIMENT#NUMBER`` or name that no other run has.

    Raises:
        NotFoundError: there is no such run.
    """
    place = Place(dir, server)
    return KeptRun(place, place.get(f"runs/{quote(run, safe='')}"))


def experiment(name: str, *, dir: str | os.PathLike[str] | None = None, server: str | None = None) -> dict[str, Any]:
    """An experiment by name or id: all that the API tells of it.

    Raises:
        NotFoundError: there is no such experiment.
    """
    return Place(dir, server).get(f"experiments/{quote(name, safe='')}")  # type: ignore[no-any-return]


class Comparison(Mapping[str, Any]):
    """What a comparison found, as the API tells it; printed, its sentences."""

    def __init__(self, found: Mapping[str, Any]) -> None:
        self._found = found

    def __getitem__(self, name: str) -> Any:
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    @property
    def sentences(self) -> list[str]:
        """The verdict of each metric and pair, in words."""
        pairs = (pair for metric in self._found["metrics"] for pair in metric["pairs"])
        return [pair["sentence"] for pair in pairs]

    def __str__(self) -> str:
        return "\n".join([*self.sentences, *(warning["sentence"] for warning in self._found.get("warnings", []))])


_REDUCTIONS: dict[str, tuple[str, str | None]] = {
    "auc": ("area_under_curve", None),
    "mean-of-last": ("mean_of_last", "steps"),
    "at-step": ("at_step", "step"),
}
_CORRECTIONS = {"bh": "benjamini_hochberg", "by": "benjamini_yekutieli"}


def _reduction(text: str) -> dict[str, str | int]:
    name, _, count = text.partition(":")
    kind, needs = _REDUCTIONS.get(name, (name, None))
    if needs is None and not count:
        return {"kind": kind}
    if needs is None or not count.lstrip("-").isdigit():
        raise ValidationError(f"`reduce` is {text!r}; write it as last, best, mean-of-last:10, at-step:1000, auc, …")
    return {"kind": kind, needs: int(count)}


def _texts(value: str | Sequence[str]) -> Sequence[str]:
    return (value,) if isinstance(value, str) else value


def compare(
    *runs: str,
    groups: Mapping[str, Sequence[str]] | None = None,
    experiments: str | Sequence[str] = (),
    where: str | None = None,
    group_by: str | Sequence[str] = (),
    metrics: str | Sequence[str] = (),
    reduce: str = "last",
    baseline: str | None = None,
    lower_is_better: str | Sequence[str] = (),
    higher_is_better: str | Sequence[str] = (),
    unit: Literal["run", "example", "step"] = "run",
    test: Literal["auto", "t", "rank", "permutation", "bootstrap"] = "auto",
    correction: Literal["holm", "bonferroni", "bh", "by", "none"] = "holm",
    alpha: float = 0.05,
    dir: str | os.PathLike[str] | None = None,
    server: str | None = None,
) -> Comparison:
    """Compares runs, or groups of them that differ only in their seed, and says which differences are real.

    Args:
        runs: Runs, each by id, ``EXPERIMENT#NUMBER`` or name.
        groups: Groups run by run, by label.
        experiments: All runs of these.
        where: Only those that a filter finds.
        group_by: What makes the groups, as ``params.layers``.
        metrics: Which metrics. Where empty all that every group has, without ``system/…`` and ``process/…``.
        reduce: How a run becomes one number: ``last``, ``best``, ``min``, ``max``, ``mean``, ``median``, ``p95``,
            ``p99``, ``mean-of-last:STEPS``, ``at-step:STEP`` or ``auc``.
        baseline: Label of the group that the others are set against.
        lower_is_better: Metrics that are better the lower they are.
        higher_is_better: Metrics that are better the higher they are.
        unit: What is one sample: a run, an example logged at its number as the step, or, for who insists, a step.
        test: How a difference is tested; ``auto`` is a t test, or McNemar's for examples that are right or wrong.
        correction: How p-values are corrected for the groups of a metric.
        alpha: Chance of calling a difference real that is not.
        dir: Folder of the store, as ``LAB_DIR``.
        server: Base URL of a server, as ``LAB_SERVER``.

    Raises:
        ValidationError: fewer than two groups, or something named is not there.
        NotFoundError: there is no such run or experiment.
    """
    better = dict.fromkeys(_texts(lower_is_better), "lower") | dict.fromkeys(_texts(higher_is_better), "higher")
    request = {
        "runs": runs,
        "groups": [{"label": label, "runs": _texts(members)} for label, members in (groups or {}).items()],
        "experiments": _texts(experiments),
        "query": where,
        "group_by": _texts(group_by),
        "metrics": _texts(metrics),
        "reduction": _reduction(reduce),
        "unit": unit,
        "test": test,
        "correction": _CORRECTIONS.get(correction, correction),
        "baseline": baseline,
        "better": better,
        "alpha": alpha,
    }
    return Comparison(Place(dir, server).post("compare", request))
