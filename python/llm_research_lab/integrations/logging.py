"""A handler that takes records of Python's ``logging`` into the log of a run."""

from __future__ import annotations

import logging

import llm_research_lab as lab

_LEVELS = (
    (logging.CRITICAL, "critical"),
    (logging.ERROR, "error"),
    (logging.WARNING, "warning"),
    (logging.INFO, "info"),
)


class LabHandler(logging.Handler):
    """Adds each record to the log of a run, at its level.

    Args:
        run: The run; the one that :func:`llm_research_lab.init` began last where absent.
        level: Least level that is taken.
    """

    def __init__(self, run: lab.Run | None = None, level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self._run = run

    def emit(self, record: logging.LogRecord) -> None:
        """Adds a record; without a run it goes nowhere."""
        run = self._run or lab.run
        if run is None:
            return
        level = next((name for least, name in _LEVELS if record.levelno >= least), "debug")
        try:
            run._log_lines([(level, line) for line in self.format(record).splitlines()])
        except Exception:
            self.handleError(record)
