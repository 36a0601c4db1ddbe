"""Several processes, and what else goes on beside the loop that logs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from conftest import Store

import llm_research_lab as lab


def test_a_process_that_is_given_the_run_logs_to_it_and_does_not_end_it(either: Store) -> None:
    script = "import llm_research_lab as lab\nwith lab.init(config={'child': 1}) as run: run.log({'child/x': 1})"
    with lab.init("shared") as run:
        run.log({"parent/x": 1})
        subprocess.run([sys.executable, "-c", script], env=os.environ | run.env, check=True)
        run.log({"parent/x": 2})
    kept = either.run()
    assert (kept["status"], kept["parameters"]) == ("completed", {"child": 1})
    assert {metric["name"]: metric["count"] for metric in kept["metrics"]} == {"child/x": 1, "parent/x": 2}


def test_a_spawned_process_gets_the_run_with_its_arguments(either: Store) -> None:
    done = either.python("""
import multiprocessing
import llm_research_lab as lab

def work(run, rank):
    run.log({"x": rank}, step=0, context={"rank": rank})
    run.finish()

if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    with lab.init("spawned") as run:
        children = [multiprocessing.Process(target=work, args=(run, rank)) for rank in range(2)]
        for child in children:
            child.start()
        for child in children:
            child.join()
            assert child.exitcode == 0
""")
    assert done.returncode == 0, done.stderr
    kept = either.run()
    assert kept["status"] == "completed"
    assert [metric.get("context") for metric in kept["metrics"]] == [{"rank": "0"}, {"rank": "1"}]


def test_what_is_printed_is_the_log_of_the_run(either: Store) -> None:
    done = either.python("""
import sys
import llm_research_lab as lab
with lab.init("printed") as run:
    print("one", "two")
    print("progress 1%\\rprogress 2%\\rprogress 100%")
    sys.stderr.write("WARNING: slow\\nERROR: broken\\n")
    print("no line end", end="")
    run.alert("diverged", "loss is NaN", level="error")
print("after the run")
""")
    assert done.returncode == 0, done.stderr
    # As text the carriage returns read as line ends.
    assert done.stdout.startswith("one two\nprogress 1%\nprogress 2%\nprogress 100%\nno line end")
    kept = either.run()
    assert (kept["logs"]["errors"], kept["logs"]["warnings"]) == (2, 1)
    lines = lab.get_run(kept["id"])._place.get(f"runs/{kept['id']}/log")["lines"]
    assert [line["text"] for line in lines] == [
        "one two",
        "progress 100%",
        "WARNING: slow",
        "ERROR: broken",
        "diverged: loss is NaN",
        "no line end",
    ]


def test_how_much_of_the_machine_is_in_use_is_logged(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_SYSTEM_METRICS_INTERVAL_SECS", "1")
    with lab.init("usage"):
        time.sleep(1.5)
    assert "system/cpu_percent" in {metric["name"] for metric in store.run()["metrics"]}


def test_a_request_to_end_cancels_the_run(store: Store) -> None:
    script = "import llm_research_lab as lab, time\nlab.init('asked')\nprint('ready', flush=True)\ntime.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert (store.run()["status"], store.run()["error"]["message"]) == ("cancelled", "signal SIGTERM")


def test_the_summary_has_what_was_logged_last(store: Store) -> None:
    with lab.init("summary") as run:
        for step in range(3):
            run.log({"train": {"loss": step}})
        run.summary["best"] = 0.5
        assert dict(run.summary) == {"train/loss": 2, "best": 0.5}
    assert lab.get_run(run.id).summary["best"]["last"] == 0.5
