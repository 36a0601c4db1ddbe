"""What the server's store costs: writing, reading, searching, starting.

    python bench/storage/bench.py [--quick]

Needs the program built for release (`LAB_BIN`, default `target/release/lab`). Prints a line for each measure with its
target and the ratio to it: above 1 is better than the target. Ends with 1 where one is missed. `--quick` leaves out the
100,000 runs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from server import Server, drive, post_bytes

ARROW = "application/vnd.apache.arrow.stream"
MISSED: list[str] = []


def show(what: str, found: float, unit: str, target: float, *, at_least: bool = False) -> None:
    """Prints a line of the table."""
    ratio = found / target if at_least else target / found
    if ratio < 1:
        MISSED.append(what)
    sign = ">=" if at_least else "<="
    mark = "" if ratio >= 1 else "  MISSED"
    print(f"{what:<58}{found:>12,.4g} {unit:<10}{sign} {target:<10,.4g}{ratio:>7.2f}x{mark}", flush=True)


class Walk:
    """A metric as training logs it: a random walk, every step, at times that waver by milliseconds."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.value, self.step, self.time = 1.0, 0, time.time_ns() // 1000

    def series(self, name: str, points: int) -> dict[str, object]:
        values, steps, times = [], [], []
        for _ in range(points):
            self.value += self.random.gauss(0, 0.01)
            self.time += int(self.random.gauss(50_000, 1_000))
            values.append(self.value)
            steps.append(self.step)
            times.append(self.time)
            self.step += 1
        return {"name": name, "values": values, "steps": steps, "times_micros": times}


def fsync_secs(folder: Path) -> float:
    """Median of making a page durable in that folder."""
    took = []
    with (folder / "probe").open("wb", buffering=0) as file:
        for _ in range(300):
            file.write(os.urandom(4096))
            start = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - start)
    return statistics.median(took)


def measure_batches(folder: Path) -> None:
    """Batches of 1,000 points, each connection to a run of its own."""
    batches, points, connections = 250, 1_000, 4
    with Server(folder) as server:
        experiment = server.experiment("batches")
        loads = []
        for seed in range(connections):
            walk, path = Walk(seed), f"/api/v1/runs/{server.run(experiment)}/metrics"
            bodies = ({"series": [walk.series("loss", points)]} for _ in range(batches))
            loads.append([post_bytes(path, json.dumps(body).encode()) for body in bodies])
        before = server.cpu_secs()
        secs = drive(server.port, [iter(load) for load in loads])
        cpu = server.cpu_secs() - before
        total = batches * points * connections
        show("JSON batches of 1,000 points, 4 connections", total / secs, "points/s", 1e6, at_least=True)
        show("  the server's work", cpu / total * 1e6, "us/point", 1.2)


def measure_single_points(folder: Path) -> None:
    """Requests of one point each."""
    connections, requests = 16, 2_000
    with Server(folder) as server:
        experiment = server.experiment("single")
        paths = [f"/api/v1/runs/{server.run(experiment)}/metrics" for _ in range(connections)]

        def load(path: str) -> Iterator[bytes]:
            for step in range(requests):
                point = {"name": "loss", "value": step * 0.1, "step": step}
                yield post_bytes(path, json.dumps({"points": [point]}).encode())

        fsync = fsync_secs(folder)
        before = server.cpu_secs()
        secs = drive(server.port, [load(path) for path in paths])
        cpu = server.cpu_secs() - before
        total = connections * requests
        target = min(10_000, 0.8 * connections / fsync)
        print(f"a page is durable after {fsync * 1e3:.2f} ms; a request is {cpu / total * 1e6:.0f} us of work")
        show("requests of 1 point, 16 connections", total / secs, "points/s", target, at_least=True)


def store_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in (folder / ".lab").rglob("*") if file.is_file())


def measure_series(folder: Path) -> None:
    """A long series: what it takes on disk once its run has ended, and what reading it costs."""
    points, batch = 1_000_000, 10_000
    with Server(folder) as server:
        run = server.run(server.experiment("series"))
        walk = Walk(7)
        for _ in range(points // batch):
            server.post(f"/api/v1/runs/{run}/metrics", {"series": [walk.series("loss", batch)]})
        server.post(f"/api/v1/runs/{run}/status", {"action": "complete"})
        time.sleep(2)
    empty = folder / "empty"
    empty.mkdir()
    Server(empty).__exit__()
    show("a point of a random walk on disk", (store_bytes(folder) - store_bytes(empty)) / points, "bytes", 8)
    path = f"/api/v1/runs/{run}/points?name=loss"
    with Server(folder) as server:
        assert len(server.get(path, ARROW)) > 24 * points
        before, times = server.cpu_secs(), 20
        for _ in range(times):
            server.get(path, ARROW)
        show("1,000,000 points as Arrow, the server's work", (server.cpu_secs() - before) / times * 1e3, "ms", 60)
        thinned = median_ms(lambda: server.get(f"{path}&max_points=2000"))
        show("1,000,000 points as 2,000 in JSON", thinned, "ms", 10)


def median_ms(call: Callable[[], object], times: int = 20) -> float:
    call()
    took = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        took.append((time.perf_counter() - start) * 1e3)
    return statistics.median(took)


def delivery(number: int) -> bytes:
    """A run from its start to its end, as a client delivers it."""
    chance = random.Random(number)
    run, at = str(uuid.UUID(int=(0x7 << 76) | (0x2 << 62) | number)), "2026-01-01T00:00:00Z"
    parameters = {f"p{i}": f"v{chance.randrange(10)}" for i in range(20)}
    series = [
        {"name": f"m{i}", "values": [chance.random()], "steps": [1], "times_micros": [1_767_225_600_000_000]}
        for i in range(20)
    ]
    records = [
        {"record": "start", "experiment": "search", "started_at": at, "tags": [], "parameters": parameters},
        {"record": "metrics", "series": series},
        {"record": "finish", "status": "completed", "ended_at": at},
    ]
    body = {"writer_id": run, "run_id": run, "first_seq": 1, "records": records}
    return post_bytes(f"/api/v1/runs/{run}/records", json.dumps(body).encode())


def measure_search(folder: Path, runs: int, made: int, target: float) -> None:
    """The first page of a filter over a metric and a parameter, in the order of another metric."""
    search = {"query": "metrics.m3 > 0.5 and params.p1 = 'v7'", "sort": "metrics.m5 asc", "limit": 100}
    with Server(folder) as server:
        numbers = iter(range(made, runs))
        secs = drive(server.port, [(delivery(number) for number in numbers) for _ in range(64)])
        print(f"{runs - made:,} runs of 20 parameters and 20 metrics were delivered in {secs:.1f} s")
        found = server.post("/api/v1/runs/search", search)
        assert len(found["items"]) == 100
        took = median_ms(lambda: server.post("/api/v1/runs/search", search))
        show(f"search of {runs:,} runs, first 100 of {found['total_count']:,}", took, "ms", target)
        small = search | {"metrics": ["m3", "m5"]}
        took = median_ms(lambda: server.post("/api/v1/runs/search", small))
        print(f"  with 2 of the 20 metrics in the answer: {took:.1f} ms")


def measure_start(folder: Path) -> None:
    """Over a store that has grown."""
    starts = []
    for _ in range(5):
        with Server(folder) as server:
            starts.append(server.ready_ms)
            time.sleep(1)
            memory = server.memory_mib()
    show("start to ready", statistics.median(starts), "ms", 100)
    show("idle memory", memory, "MiB", 40)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="leave out the 100,000 runs")
    parser.add_argument("--only", help="one of batches, single, series, search", default="")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lab-bench-") as name:
        places = {case: Path(name, case) for case in ("batches", "single", "series", "search")}
        for place in places.values():
            place.mkdir()
        for case, measure in [
            ("batches", measure_batches),
            ("single", measure_single_points),
            ("series", measure_series),
        ]:
            if arguments.only in ("", case):
                measure(places[case])
        if arguments.only in ("", "search"):
            measure_search(places["search"], 10_000, 0, 10)
            measure_start(places["search"])
            if not arguments.quick:
                measure_search(places["search"], 100_000, 10_000, 25)
    if MISSED:
        print(f"missed: {', '.join(MISSED)}", file=sys.stderr)
    return 1 if MISSED else 0


if __name__ == "__main__":
    sys.exit(main())
