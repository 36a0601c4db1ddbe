"""What a script prints, as its run's log."""

from __future__ import annotations

import re
import sys
import threading
from typing import Any, TextIO

from . import _core

# Longest line that is kept.
_MAX_LINE = 16_000
# Words with which loggers and interpreters mark what went wrong.
_LEVELS = (
    ("critical", re.compile(r"\b(CRITICAL|FATAL)\b")),
    ("error", re.compile(r"\bERROR\b|^Traceback \(most recent call last\)|^\w*(Error|Exception)\b:")),
    ("warning", re.compile(r"\bWARN(ING)?\b|\w*Warning:")),
    ("debug", re.compile(r"\bDEBUG\b")),
)


def level_of(line: str) -> str:
    """The level that a line names, or ``info``."""
    return next((level for level, pattern in _LEVELS if pattern.search(line)), "info")


class Console:
    """Takes down what goes to stdout and stderr, while it goes there unchanged."""

    def __init__(self, core: _core.Run) -> None:
        self._core = core
        self._streams = (_Tee(sys.stdout, self._take), _Tee(sys.stderr, self._take))
        self._before = (sys.stdout, sys.stderr)
        sys.stdout, sys.stderr = self._streams

    def _take(self, lines: list[str]) -> None:
        try:
            self._core.log_lines([(level_of(line), line) for line in lines])
        except Exception:
            self.stop()

    def stop(self) -> None:
        """Lets go of the streams; what stands behind the last line end is taken down too."""
        # Somebody else may have put something over ours, which then stays.
        if sys.stdout is self._streams[0]:
            sys.stdout = self._before[0]
        if sys.stderr is self._streams[1]:
            sys.stderr = self._before[1]
        for stream in self._streams:
            stream.stop()


class _Tee:
    """A stream that is written to as before, and heard."""

    def __init__(self, stream: TextIO, take: Any) -> None:
        self._stream = stream
        self._take = take
        self._rest = ""
        self._lock = threading.RLock()
        self._stopped = False

    def write(self, text: str) -> int:
        """Writes, and takes down the lines that are whole."""
        written = self._stream.write(text)
        with self._lock:
            if not self._stopped and text:
                *lines, self._rest = (self._rest + text).split("\n")
                self._rest = self._rest[-_MAX_LINE:]
                if lines:
                    # A progress bar writes one line over and over: its last state counts.
                    self._take([line.rstrip("\r").rpartition("\r")[2][:_MAX_LINE] for line in lines])
        return written

    def stop(self) -> None:
        """Hears no more."""
        with self._lock:
            rest, self._rest = self._rest.rpartition("\r")[2], ""
            if rest and not self._stopped:
                self._stopped = True
                self._take([rest])
            self._stopped = True

    def writelines(self, lines: Any) -> None:
        """Writes each."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
