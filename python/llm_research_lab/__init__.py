"""Experiment tracking for research with language models.

    import llm_research_lab as lab

    with lab.init(experiment="tiny-lm", config={"lr": 3e-4}) as run:
        for step in range(100):
            run.log({"loss": 1 / (step + 1)}, step=step)

A call of ``run.log`` appends to a file and returns; a thread delivers from there, to the store in ``.lab/`` or to the
server that ``LAB_SERVER`` names. ``lab serve`` shows it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from . import _core
from ._core import __version__
from ._media import ConfusionMatrix, Histogram, Image, Table, Text
from ._read import Comparison, Frame, KeptRun, Runs, compare, experiment, get_run, runs
from ._run import Config, Run, Status, Summary, say
from ._values import plain, to_tags
from .errors import (
    ConflictError,
    InvalidStateError,
    LabError,
    NotFoundError,
    StorageError,
    ValidationError,
)

__all__ = [
    "Comparison",
    "Config",
    "ConflictError",
    "ConfusionMatrix",
    "Frame",
    "Histogram",
    "Image",
    "InvalidStateError",
    "KeptRun",
    "LabError",
    "NotFoundError",
    "Run",
    "Runs",
    "StorageError",
    "Summary",
    "Table",
    "Text",
    "ValidationError",
    "__version__",
    "alert",
    "compare",
    "experiment",
    "finish",
    "get_run",
    "init",
    "log",
    "log_artifact",
    "run",
    "runs",
]

run: Run | None = None
"""The run that :func:`init` began last."""


def init(
    experiment: str | None = None,
    *,
    project: str | None = None,
    name: str | None = None,
    config: Mapping[str, Any] | None = None,
    tags: Iterable[str] | Mapping[str, Any] | None = None,
    group: str | None = None,
    parent: Run | str | None = None,
    id: str | None = None,
    resume: bool = False,
    user: str | None = None,
    dir: str | os.PathLike[str] | None = None,
    server: str | None = None,
    mode: Literal["online", "offline", "disabled"] | None = None,
    console: bool = True,
) -> Run:
    """Begins a run, or attaches to the one that ``LAB_RUN_ID`` names.

    Args:
        experiment: Name or id of the experiment; one of a new name is created. The name of the folder where absent.
        project: Another word for it.
        name: Name of the run; made from its number where absent.
        config: What the run is started with. A parameter never changes once it is set.
        tags: Labels, or keys with values.
        group: Sets the tag ``group``.
        parent: The run that this one is a part of.
        id: Id of a run to go on with, or one made elsewhere.
        resume: Let the run of that id go on, if it has ended without completing.
        user: Login name; that of the process where absent.
        dir: Folder of the store, as ``LAB_DIR``.
        server: Base URL of a server, as ``LAB_SERVER``.
        mode: ``offline`` keeps everything in the spool for ``lab sync``, ``disabled`` keeps nothing; as ``LAB_MODE``.

        console: Whether what is printed becomes the log of the run.

    Raises:
        ValidationError: something given is refused; the message names it.
        StorageError: the folder cannot be written.
    """
    global run
    labels = to_tags(tags)
    if group is not None:
        labels["group"] = group
    settings = dict(config or {})
    mode_in_force = mode or os.environ.get("LAB_MODE") or "online"
    if mode_in_force not in ("online", "offline", "disabled"):
        raise ValidationError(f"mode is `{mode_in_force}`: must be online, offline or disabled", field="mode")
    if mode_in_force == "disabled":
        run = Run(None, settings, labels, name)
        return run
    attached = id is None and bool(os.environ.get("LAB_RUN_ID"))
    named = (experiment, project, os.environ.get("LAB_EXPERIMENT"), Path.cwd().name or "default")
    core = _core.Run.start(
        experiment=next(name for name in named if name is not None),
        name=name,
        parameters=plain(settings),
        tags=labels,
        parent=parent.id if isinstance(parent, Run) else parent,
        id=os.environ["LAB_RUN_ID"] if attached else id,
        resume=resume,
        attached=attached,
        user=user,
        dir=None if dir is None else os.fspath(dir),
        server=server,
        offline=mode_in_force == "offline",
        interpreter=sys.executable or None,
        entry_point=_entry_point(),
        arguments=sys.orig_argv,
    )
    # Whoever began the run it attaches to takes down what is printed.
    run = Run(core, settings, labels, name, attached=attached, console=console and not attached)
    if attached:
        return run
    say(f"run {name or run.id} begun; see it at {run.url or f'{core.root} with: lab serve --dir {core.root}'}")
    return run


def _entry_point() -> str | None:
    """The file that Python was asked to run, or the module; none in a notebook or at a prompt."""
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return f"-m {spec.name.removesuffix('.__main__')}"
    return getattr(main, "__file__", None)


def _current() -> Run:
    if run is None:
        raise InvalidStateError("no run has begun: call lab.init(...) first")
    return run


def log(values: Mapping[str, Any], step: int | None = None, *, context: Mapping[str, Any] | None = None) -> None:
    """Logs metrics of the run that :func:`init` began last. See :meth:`Run.log`."""
    _current().log(values, step, context=context)


def alert(title: str, text: str = "", level: Literal["info", "warning", "error"] = "warning") -> None:
    """Notes something about the run that :func:`init` began last. See :meth:`Run.alert`."""
    _current().alert(title, text, level)


def log_artifact(
    path: str | os.PathLike[str],
    name: str | None = None,
    *,
    type: str = "file",
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Logs a file of the run that :func:`init` began last. See :meth:`Run.log_artifact`."""
    _current().log_artifact(path, name, type=type, metadata=metadata)


def finish(status: Status = "completed") -> None:
    """Ends the run that :func:`init` began last. See :meth:`Run.finish`."""
    _current().finish(status)
