"""What logging costs the loop that logs, beside other trackers' clients in the same run.

    python bench/client/bench.py [--peers trackio,wandb,tensorboardx,mlflow] [--steps 10000]

Needs the package built for release (`pip install ./python`), the program (`LAB_BIN`, default `target/release/lab`), and
the peers that are named installed beside it. Each client runs in a process of its own, in a folder of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

METRICS = 10
LAB = os.environ.get("LAB_BIN", str(Path(__file__).parents[2] / "target/release/lab"))

Log = Callable[[dict[str, float], int], object]


def lab_embedded() -> tuple[Log, Callable[[], object]]:
    import llm_research_lab as lab

    run = lab.init("bench", console=False)
    return run.log, run.finish


def lab_server() -> tuple[Log, Callable[[], object]]:
    return lab_embedded()


def trackio() -> tuple[Log, Callable[[], object]]:
    import trackio

    trackio.init(project="bench")
    return lambda values, step: trackio.log(values, step=step), trackio.finish


def wandb() -> tuple[Log, Callable[[], object]]:
    import wandb

    run = wandb.init(project="bench", mode="offline")
    return lambda values, step: run.log(values, step=step), run.finish


def tensorboardx() -> tuple[Log, Callable[[], object]]:
    from tensorboardX import SummaryWriter

    writer = SummaryWriter("board")

    def log(values: dict[str, float], step: int) -> None:
        for name, value in values.items():
            writer.add_scalar(name, value, step)

    return log, writer.close


def mlflow() -> tuple[Log, Callable[[], object]]:
    import mlflow

    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    mlflow.start_run()
    return lambda values, step: mlflow.log_metrics(values, step=step), mlflow.end_run


CLIENTS = {f.__name__: f for f in (lab_embedded, lab_server, trackio, wandb, tensorboardx, mlflow)}


def spin(micros: float) -> None:
    """Works for so long, as a training step does."""
    end = time.perf_counter() + micros / 1e6
    while time.perf_counter() < end:
        pass


def loop_overhead(name: str) -> float:
    """By how many percent logging every step slows down a loop whose steps work for 2 ms."""
    log, finish = CLIENTS[name]()

    def loop(log_step: Log) -> float:
        start = time.perf_counter()
        for step in range(500):
            spin(2_000)
            log_step({f"metric/{i}": 0.5 + i for i in range(METRICS)}, step)
        return time.perf_counter() - start

    without = loop(lambda values, step: None)
    overhead = (loop(log) / without - 1) * 100
    finish()
    return overhead


def measure(name: str, steps: int) -> None:
    """Runs in a process of its own, and prints what it took."""
    imported = time.perf_counter()
    log, finish = CLIENTS[name]()
    values = {f"metric/{i}": 0.5 + i for i in range(METRICS)}
    log(values, 0)
    first = time.perf_counter()
    calls = []
    for step in range(1, steps):
        values = {key: value * 0.999 for key, value in values.items()}
        before = time.perf_counter_ns()
        log(values, step)
        calls.append(time.perf_counter_ns() - before)
    finish()
    finished = time.perf_counter()
    calls.sort()
    overhead = loop_overhead(name)
    print(
        json.dumps(
            {
                "init_ms": (first - imported) * 1e3,
                "median_us": statistics.median(calls) / 1e3,
                "p99_us": calls[int(len(calls) * 0.99)] / 1e3,
                "max_us": calls[-1] / 1e3,
                "overhead_percent": overhead,
                "durable_secs": finished - first,
            }
        )
    )


def run(name: str, steps: int) -> dict[str, float] | None:
    """Measures one client; none if it is not installed."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "LAB_QUIET": "1",
            "LAB_DIR": f"{folder}/.lab",
            "TRACKIO_DIR": folder,
            "WANDB_SILENT": "true",
        }
        server = None
        if name == "lab_server":
            command = [LAB, "serve", "--json", "--listen", "127.0.0.1:0", "--dir", f"{folder}/.lab"]
            server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            assert server.stdout is not None
            environment["LAB_SERVER"] = json.loads(server.stdout.readline())["url"]
        command = [sys.executable, str(Path(__file__).resolve()), "--measure", name, "--steps", str(steps)]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        if server is not None:
            server.terminate()
            server.wait()
        if done.returncode != 0:
            print(f"{name}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
            return None
        return json.loads(done.stdout.splitlines()[-1])


def import_millis() -> float:
    """What the import costs a process that has just begun: the least of some, beyond one that imports nothing."""

    def least(code: str) -> float:
        took = []
        for _ in range(5):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            took.append(time.perf_counter() - start)
        return min(took)

    return (least("import llm_research_lab") - least("pass")) * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default="trackio,wandb,tensorboardx,mlflow")
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure, arguments.steps)
        return
    names = ["lab_embedded", "lab_server", *filter(None, arguments.peers.split(","))]
    print(f"import llm_research_lab: {import_millis():.0f} ms")
    print(f"{arguments.steps} steps of {METRICS} metrics")
    print(
        f"{'client':<14}{'init ms':>9}{'median us':>11}{'p99 us':>9}{'max us':>10}"
        f"{'loop +%':>9}{'durable s':>11}{'ratio':>8}"
    )
    ours = None
    for name in names:
        # A peer that takes milliseconds a call gets fewer; its time is scaled up.
        steps = arguments.steps if name != "mlflow" else min(arguments.steps, 500)
        if (found := run(name, steps)) is None:
            continue
        durable = found["durable_secs"] * arguments.steps / steps
        ours = ours or durable
        print(
            f"{name:<14}{found['init_ms']:>9.1f}{found['median_us']:>11.1f}{found['p99_us']:>9.1f}"
            f"{found['max_us']:>10.0f}{found['overhead_percent']:>9.1f}{durable:>11.2f}{durable / ours:>7.1f}x"
        )


if __name__ == "__main__":
    main()
