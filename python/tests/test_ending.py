"""However a script ends, the run tells it, and nothing that was logged is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest
from conftest import Store

BEGIN = """
import os, sys, time
import llm_research_lab as lab
run = lab.init("endings")
for step in range(500):
    run.log({"x": step}, step=step)
"""


@pytest.mark.parametrize(
    ("end", "status", "error"),
    [
        ("run.finish()", "completed", None),
        ("", "completed", None),
        ("sys.exit()", "completed", None),
        ("sys.exit(3)", "failed", None),
        ("raise ValueError('no luck')", "failed", "ValueError"),
        ("raise KeyboardInterrupt", "cancelled", "KeyboardInterrupt"),
        ("with run:\n    raise ValueError('no luck')", "failed", "ValueError"),
        ("with run:\n    sys.exit(0)", "completed", "SystemExit"),
        ("run.finish('failed')", "failed", None),
    ],
)
def test_an_end_is_told(either: Store, end: str, status: str, error: str | None) -> None:
    either.python(BEGIN + end)
    kept = either.run()
    assert (kept["status"], kept["metrics"][0]["count"]) == (status, 500)
    if error is not None and status != "completed":
        assert kept["error"]["type"] == error
        assert "script.py" in kept["error"]["stack_trace"]


@pytest.mark.parametrize("end", ["os._exit(0)", "os.kill(os.getpid(), 9)", "import ctypes; ctypes.string_at(0)"])
def test_nothing_logged_is_lost_when_the_process_dies_at_once(either: Store, end: str) -> None:
    either.python(BEGIN + end)
    either.cli("sync")
    kept = either.run()
    assert kept["metrics"][0]["count"] == 500
    assert either.history(kept["id"], "x")["values"] == list(range(500))
    assert either.spools() == []


def test_a_signal_from_the_terminal_cancels(store: Store) -> None:
    script = BEGIN + "print('ready', flush=True)\ntime.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert store.run()["status"] == "cancelled"


def test_forked_processes_log_to_the_run_of_their_parent(store: Store) -> None:
    done = store.python(
        BEGIN
        + """
children = []
for rank in range(3):
    pid = os.fork()
    if pid == 0:
        for step in range(100):
            run.log({f"rank{rank}/x": step}, step=step)
        os._exit(0)
    children.append(pid)
for pid in children:
    os.waitpid(pid, 0)
run.finish()
"""
    )
    assert done.returncode == 0, done.stderr
    counts = {metric["name"]: metric["count"] for metric in store.run()["metrics"]}
    assert counts == {"x": 500, "rank0/x": 100, "rank1/x": 100, "rank2/x": 100}
    assert store.spools() == []


def test_the_loop_goes_on_while_the_server_is_away(store: Store, serve: Callable[[], str]) -> None:
    url = serve()
    done = store.python(
        BEGIN
        + """
import subprocess
run.log({"late": 1})
run.finish(timeout=0.2)
""",
        LAB_SERVER=url.rsplit(":", 1)[0] + ":9",
    )
    assert done.returncode == 0, done.stderr
    store.cli("sync", "--server", url)
    assert {metric["name"]: metric["count"] for metric in store.run()["metrics"]} == {"x": 500, "late": 1}


def test_one_line_at_the_start_and_one_at_the_end(store: Store) -> None:
    done = store.python(BEGIN + "run.finish()", LAB_QUIET="")
    lines = done.stderr.splitlines()
    assert (done.stdout, len(lines)) == ("", 2), done.stderr
    assert "lab serve" in lines[0]
    assert "completed" in lines[1]
    assert os.environ["LAB_QUIET"] == "1"
