"""Runs, as a training script sees them."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import traceback
import weakref
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Literal, NoReturn, cast

from . import _core
from ._console import Console
from ._media import encode, split
from ._read import Frame, get_run
from ._values import plain, to_json, to_tags
from .errors import ConflictError

Status = Literal["completed", "failed", "cancelled"]

# How long the end of a run waits for a store or a server that takes nothing.
_PATIENCE_SECS = 10.0


class Terminated(BaseException):
    """The process was asked to end."""


class Summary(Mapping[str, Any]):
    """The value of each metric that this process logged last."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def _values(self) -> dict[str, float]:
        core = self._run._core
        return {} if core is None else core.last_numbers()

    def __getitem__(self, name: str) -> Any:
        return self._values()[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._run.log({name: value})

    def __iter__(self) -> Iterator[str]:
        return iter(self._values())

    def __len__(self) -> int:
        return len(self._values())

    def update(self, values: Mapping[str, Any]) -> None:
        """Sets several."""
        self._run.log(values)


class Config(MutableMapping[str, Any]):
    """What a run was started with. A parameter can be added, and never changes once it is set."""

    def __init__(self, run: Run, values: Mapping[str, Any]) -> None:
        self._run = run
        self._values = dict(values)

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __delitem__(self, key: str) -> None:
        raise ConflictError(f"parameter `{key}` is set, and parameters are never removed")

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, key: str) -> Any:
        try:
            return self.__dict__["_values"][key]
        except KeyError:
            raise AttributeError(key) from None

    def __repr__(self) -> str:
        return f"Config({self._values!r})"

    def update(self, values: Any = (), /, **more: Any) -> None:
        """Adds parameters. One that is set already may only be given its own value again."""
        given = dict(values, **more)
        new = {}
        for key, value in given.items():
            if key not in self._values:
                new[key] = value
            elif plain({key: self._values[key]}) != plain({key: value}):
                raise ConflictError(
                    f"parameter `{key}` is {self._values[key]!r} and never changes; start another run for {value!r}"
                )
        if new:
            self._run._log_parameters(new)
            self._values.update(new)


class Run:
    """A run that is going on.

    Made by :func:`llm_research_lab.init`. As a context manager it completes at the end of the block, fails with the
    exception that leaves it, and is cancelled by Ctrl-C.
    """

    def __init__(
        self,
        core: _core.Run | None,
        config: Mapping[str, Any],
        tags: Mapping[str, str],
        name: str | None,
        *,
        attached: bool = False,
        console: bool = False,
    ) -> None:
        self._core = core
        self._pid = os.getpid()
        self._ended = False
        # One that another process began is ended there.
        self._attached = attached
        self._tags = dict(tags)
        self._config = Config(self, config)
        self._summary = Summary(self)
        self.name = name
        self._console = Console(core) if core is not None and console else None
        self._place = None if core is None else (core.id, str(core.root), core.server)
        if core is not None:
            _live.add(self)
            _ending.watch()
            atexit.register(self._at_exit)

    @property
    def id(self) -> str:
        """Identity of the run: 36 characters. Empty where tracking is disabled."""
        return "" if self._place is None else self._place[0]

    @property
    def ended(self) -> bool:
        """Whether this process has finished with it."""
        return self._ended

    @property
    def url(self) -> str | None:
        """Where the run can be seen, if it is delivered to a server."""
        if self._place is None or self._place[2] is None:
            return None
        return f"{self._place[2].rstrip('/')}/runs/{self.id}"

    @property
    def env(self) -> dict[str, str]:
        """Variables with which a process that is started from here logs to this run, by a :func:`init` of its own."""
        if self._place is None:
            return {"LAB_MODE": "disabled"}
        run_id, root, server = self._place
        return {"LAB_RUN_ID": run_id, "LAB_DIR": root} | ({} if server is None else {"LAB_SERVER": server})

    @property
    def config(self) -> Config:
        """What the run was started with."""
        return self._config

    @property
    def summary(self) -> Summary:
        """The value of each metric that was logged last; set one to log a result without a step."""
        return self._summary

    @property
    def tags(self) -> dict[str, str]:
        """The tags that were set, a bare label with an empty value. Set more with :meth:`set_tags`."""
        return dict(self._tags)

    def log(
        self, values: Mapping[str, Any], step: int | None = None, *, context: Mapping[str, Any] | None = None
    ) -> None:
        """Logs metrics: numbers by name, nested mappings by path.

        An array of several numbers is kept as a :class:`Histogram`; tables, images, texts, confusion matrices, and
        figures of matplotlib and plotly are kept as what they are. Without a step the values get the one after the
        last, from 0. A step that goes back is kept as it is. The call appends to a file and returns; it does not wait
        for the network.

        Args:
            values: What was measured.
            step: The training step.
            context: What tells numbers apart from others of the same name, as ``{"rank": 1}``.

        Raises:
            TypeError: a value is nothing that can be logged. Nothing of the call is kept then.
            ValidationError: a name is refused.
            StorageError: the file cannot be written, as on a full disk.
        """
        core = self._core
        if core is None:
            return
        step = None if step is None else int(step)
        labels = None if context is None else {str(key): str(value) for key, value in context.items()}
        try:
            core.log(values, step, labels)
        except TypeError:
            numbers, media = split(values)
            if not media:
                raise
            step = core.next_step() if step is None else step
            logged = encode(media, step, self._keep)
            core.log(numbers, step, labels)
            core.log_values(logged, step)

    def alert(self, title: str, text: str = "", level: Literal["info", "warning", "error"] = "warning") -> None:
        """Notes something that whoever looks at the run must see; it is shown among the lines of its log."""
        self._log_lines([(level, f"{title}: {text}" if text else title)])

    def log_artifact(
        self,
        path: str | os.PathLike[str],
        name: str | None = None,
        *,
        type: str = "file",
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Logs a file, or all files of a folder.

        The content is copied before this returns, so the file may change or go. ``type`` is one of model, checkpoint,
        dataset, visualization, log, config, report, file, or a name of your own.

        Raises:
            ValidationError: the name is refused, or the file is over the limit.
            StorageError: the file cannot be read or copied.
        """
        source = Path(path)
        described = to_json(metadata or {})
        if source.is_dir():
            base = name or source.name
            for file in sorted(file for file in source.rglob("*") if file.is_file()):
                self._log_file(file, f"{base}/{file.relative_to(source).as_posix()}", type, described)
        else:
            self._log_file(source, name or source.name, type, described)

    def _log_file(self, file: Path, name: str, artifact_type: str, metadata: str) -> None:
        if self._core is not None:
            self._core.log_artifact(str(file), name, artifact_type, metadata)

    def _keep(self, file: Path, name: str, artifact_type: str) -> None:
        self._log_file(file, name, artifact_type, "{}")

    def set_tags(self, tags: Iterable[str] | Mapping[str, Any]) -> None:
        """Sets tags: labels, or keys with values."""
        new = to_tags(tags)
        if self._core is not None:
            self._core.set_tags(new)
        self._tags.update(new)

    def use_dataset(self, name: str, **metadata: Any) -> None:
        """Notes a dataset that the run reads, for its lineage."""
        if self._core is not None:
            self._core.use_dataset(name, to_json(metadata))

    def use_model(self, name: str, **metadata: Any) -> None:
        """Notes a model that the run uses, for its lineage."""
        if self._core is not None:
            self._core.use_model(name, to_json(metadata))

    def history(self, *names: str, max_points: int | None = None) -> Frame:
        """The points of these metrics, or of all, that are delivered by now. See :meth:`KeptRun.history`.

        Raises:
            NotFoundError: nothing is delivered yet.
        """
        if self._place is None:
            return Frame({})
        kept = get_run(self.id, dir=self._place[1], server=self._place[2])
        return kept.history(*names, max_points=max_points)

    def finish(self, status: Status = "completed", *, timeout: float = _PATIENCE_SECS) -> None:
        """Ends the run, and waits for its delivery as long as that makes progress.

        Once nothing has been delivered for ``timeout`` seconds what remains stays on disk, and a line says so. Ending
        twice does nothing. A run that another process began goes on; what this one has logged is delivered.
        """
        self._finish(status, None, timeout)

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._finish("completed", None)
        else:
            self._finish(_status_of(error), error)

    def __reduce__(self) -> tuple[Any, ...]:
        # A process that is spawned gets the run by its id, and logs to it.
        return _attach, (self._place, self.name)

    def __repr__(self) -> str:
        return f"<Run {self.name or ''} {self.id}>"

    def _log_lines(self, lines: list[tuple[str, str]]) -> None:
        if self._core is not None:
            self._core.log_lines(lines)

    def _log_parameters(self, parameters: Mapping[str, Any]) -> None:
        if self._core is not None:
            self._core.log_parameters(plain(parameters))

    def _finish(self, status: Status, error: BaseException | None, timeout: float = _PATIENCE_SECS) -> None:
        if self._core is None or self._ended:
            return
        self._ended = True
        atexit.unregister(self._at_exit)
        if self._console is not None:
            self._console.stop()
        failure = None
        if error is not None:
            trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
            failure = (_name_of(type(error)), str(error), trace)
        delivered = self._core.finish(status, failure, timeout)
        self._report(status, delivered)
        if delivered.interrupted and error is None:
            raise KeyboardInterrupt

    def _report(self, status: str, delivered: _core.Delivered) -> None:
        assert self._core is not None
        for problem, count in list(Counter(delivered.refused).items())[:5]:
            say(f"refused, {count} times: {problem}")
        if not delivered.complete:
            say(
                f"run {self.name or self.id} {status}, not delivered yet: {delivered.problem}\n"
                f"     it is kept in {self._core.root}; deliver it with: lab sync --dir {self._core.root}"
            )
        elif not self._attached:
            say(f"run {self.name or self.id} {status}")

    def _at_exit(self) -> None:
        # A process that was forked from the one that began the run does not end it.
        if os.getpid() != self._pid:
            return
        if (error := _ending.error) is not None:
            self._finish(_status_of(error), error)
        else:
            self._finish("failed" if _ending.exit_code else "completed", None)


def _attach(place: tuple[str, str, str | None] | None, name: str | None) -> Run:
    if place is None:
        return Run(None, {}, {}, name)
    return Run(_attached_core(*place), {}, {}, name, attached=True)


def _attached_core(run_id: str, root: str, server: str | None) -> _core.Run:
    return _core.Run.start(
        experiment="default",
        name=None,
        parameters={},
        tags={},
        parent=None,
        id=run_id,
        resume=False,
        attached=True,
        user=None,
        dir=root,
        server=server,
        offline=False,
        interpreter=None,
        entry_point=None,
        arguments=[],
    )


class _ForkedCore:
    """Stands for the run in a process that was forked, until that logs.

    What it has copies of may have been locked at the fork, by threads that it does not have.
    """

    def __init__(self, run: Run, place: tuple[str, str, str | None]) -> None:
        self._run = run
        self._place = place

    def __getattr__(self, name: str) -> Any:
        core = self._run._core = _attached_core(*self._place)
        return getattr(core, name)


_live: weakref.WeakSet[Run] = weakref.WeakSet()
# Copies in a forked process: dropping one would take its locks too.
_forgotten: list[Any] = []


def _after_fork() -> None:
    for run in list(_live):
        if run._place is not None and not run._ended:
            _forgotten.append(run._core)
            run._core = cast("_core.Run", _ForkedCore(run, run._place))
            run._attached = True
            run._console = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class _Ending:
    """How the interpreter comes to its end, noted on the way."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.exit_code = 0
        self._is_watching = False

    def watch(self) -> None:
        """Looks at what is raised to the top, and at `sys.exit`."""
        if self._is_watching:
            return
        self._is_watching = True
        excepthook, leave = sys.excepthook, sys.exit

        def note_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
            self.error = error
            excepthook(kind, error, trace)

        def note_exit(status: Any = None, /) -> NoReturn:
            self.exit_code = 0 if status is None or status == 0 else 1
            leave(status)

        sys.excepthook, sys.exit = note_error, note_exit
        # Only the main thread may set handlers, and one that is there stays.
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, self._terminated)

    def _terminated(self, number: int, _frame: FrameType | None) -> NoReturn:
        """Ends by way of the usual end of the interpreter, so that runs are cancelled; the exit code says by what."""
        self.error = Terminated(f"signal {signal.Signals(number).name}")
        raise SystemExit(128 + number)


_ending = _Ending()


def _status_of(error: BaseException) -> Status:
    if isinstance(error, KeyboardInterrupt | Terminated):
        return "cancelled"
    if isinstance(error, SystemExit) and _ending.error is not None:
        return _status_of(_ending.error)
    if isinstance(error, SystemExit) and error.code in (None, 0):
        return "completed"
    return "failed"


def _name_of(kind: type[BaseException]) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def say(text: str) -> None:
    """One line to stderr, unless LAB_QUIET is set."""
    if not os.environ.get("LAB_QUIET"):
        print(f"lab: {text}", file=sys.stderr, flush=True)
