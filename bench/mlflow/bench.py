"""The same requests to this server and to MLflow's, byte for byte but for ids, one after the other in one run.

    python bench/mlflow/bench.py [--runs 10000] [--points 1000000] [--seconds 10]

Needs `mlflow` installed (MLFLOW_BIN, default `mlflow`) and the program built for release (LAB_BIN, default
`target/release/lab`). Each server has a store of its own in a temporary folder, MLflow's as it comes: SQLite, four
workers.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LAB = os.environ.get("LAB_BIN", str(Path(__file__).parents[2] / "target/release/lab"))
MLFLOW = os.environ.get("MLFLOW_BIN", "mlflow")
API = "/api/2.0/mlflow"


@dataclass
class Server:
    """A server over an empty store."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    figures: dict[str, float] = field(default_factory=dict)

    def note(self, what: str, figure: float) -> None:
        self.figures[what] = figure
        print(f"{self.name}: {what} {figure:,.1f}", file=sys.stderr, flush=True)

    def call(self, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{API}{path}", data, {"Content-Type": "application/json"} if data else {}
        )
        with urllib.request.urlopen(request, timeout=600) as answer:
            return json.loads(answer.read())

    def memory(self) -> float:
        """Mebibytes that the server's processes have to themselves, shared ones counted by their share."""
        total = 0
        for process in children(self.process.pid):
            try:
                rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
            except OSError:
                continue
            total += sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
        return total / 1024

    def stop(self) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)


def children(pid: int) -> list[int]:
    """A process and all that it started."""
    found = [pid]
    for at in found:
        for task in Path(f"/proc/{at}/task").glob("*/children"):
            found += [int(child) for child in task.read_text().split()]
    return found


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def start(name: str, folder: Path) -> Server:
    port = free_port()
    if name == "lab":
        subprocess.run([LAB, "init", folder, "--quiet"], check=True)
        command = [LAB, "serve", "--listen", f"127.0.0.1:{port}", "--dir", folder / ".lab"]
    else:
        store, artifacts = f"sqlite:///{folder}/mlflow.db", folder / "artifacts"
        command = [MLFLOW, "server", "--backend-store-uri", store, "--artifacts-destination", artifacts]
        command += ["--port", str(port)]
    environment = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"}
    began = time.perf_counter()
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    server = Server(name, port, process)
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1):
                break
        except OSError:
            if process.poll() is not None:
                raise SystemExit(f"{name} did not start") from None
            time.sleep(0.002)
    server.note("start, s", time.perf_counter() - began)
    return server


def throughput(server: Server, requests: list[bytes], seconds: float) -> float:
    """Requests answered in a second: each connection sends its own, numbered, one after the answer to the other."""
    chosen = selectors.DefaultSelector()
    for template in requests:
        connection = socket.create_connection(("127.0.0.1", server.port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(numbered(template, 0))
        chosen.register(connection, selectors.EVENT_READ, [template, 0, b""])
    answered, began = 0, time.perf_counter()
    while (now := time.perf_counter()) < began + seconds:
        for key, _ in chosen.select(timeout=seconds):
            state, connection = key.data, key.fileobj
            assert isinstance(connection, socket.socket)
            state[2] += connection.recv(65_536)
            head, end, body = state[2].partition(b"\r\n\r\n")
            if not end or len(body) < length_of(head):
                continue
            if b" 200 " not in head[:20]:
                raise SystemExit(f"{server.name} refused: {body[:300]!r}")
            answered += 1
            state[1], state[2] = state[1] + 1, b""
            connection.sendall(numbered(state[0], state[1]))
        now = time.perf_counter()
    for key in list(chosen.get_map().values()):
        key.fileobj.close()  # type: ignore[union-attr]
    return answered / (now - began)


def length_of(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    raise SystemExit("an answer without its length")


def request(path: str, body: str) -> bytes:
    data = body.encode()
    head = (
        f"POST {API}{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(data)}"
    )
    return head.encode() + b"\r\n\r\n" + data


NUMBER = "@@@@@"


def numbered(template: bytes, number: int) -> bytes:
    """The request with its number in it: points of a training come once."""
    return template.replace(NUMBER.encode(), b"%05d" % number)


def points(count: int, metrics: int, number: str) -> str:
    """Points as JSON whose times and steps begin with a number, which is put in later or is one already."""
    rows = []
    for i in range(count):
        times = f'"timestamp": 17{number}{i:06}, "step": 1{number}{i:04}'
        rows.append(f'{{"key": "metric_{i % metrics}", "value": {1 / (i + 1)}, {times}}}')
    return ", ".join(rows)


def measure_logging(server: Server, experiment: str, seconds: float, connections: int) -> None:
    create = {"experiment_id": experiment}
    runs = [server.call("/runs/create", create)["run"]["info"]["run_id"] for _ in range(connections)]
    singles = [request("/runs/log-metric", f'{{"run_id": "{run}", {points(1, 1, NUMBER)[1:]}') for run in runs]
    server.note("metrics one by one, /s", throughput(server, singles, seconds))
    batches = [
        request("/runs/log-batch", f'{{"run_id": "{run}", "metrics": [{points(1_000, 10, NUMBER)}]}}') for run in runs
    ]
    server.note("batches of 1,000 points, /s", throughput(server, batches, seconds))


def measure_search(server: Server, count: int) -> None:
    experiment = server.call("/experiments/create", {"name": "searched"})["experiment_id"]
    began = time.perf_counter()
    for i in range(count):
        run = server.call("/runs/create", {"experiment_id": experiment, "start_time": 1_000 + i})["run"]["info"][
            "run_id"
        ]
        metrics = [
            {"key": key, "value": (i * 7919 % 1000) / 1000, "timestamp": 1, "step": 0} for key in ("acc", "loss", "f1")
        ]
        params = [{"key": "lr", "value": str(i % 10)}, {"key": "opt", "value": ("adam", "sgd")[i % 2]}]
        server.call("/runs/log-batch", {"run_id": run, "metrics": metrics, "params": params})
    server.note(f"{count:,} runs logged, s", time.perf_counter() - began)
    search = {
        "experiment_ids": [experiment],
        "filter": "metrics.acc > 0.5 AND params.opt = 'adam'",
        "order_by": ["metrics.loss DESC"],
        "max_results": 100,
    }
    server.note("search, best 100, ms", median_ms(lambda: server.call("/runs/search", search), 7))
    everything = {"experiment_ids": [experiment], "max_results": 10_000}
    server.note("search, all, ms", median_ms(lambda: server.call("/runs/search", everything), 3))


def measure_history(server: Server, experiment: str, count: int) -> None:
    run = server.call("/runs/create", {"experiment_id": experiment})["run"]["info"]["run_id"]
    for number in range(count // 1_000):
        server.call("/runs/log-batch", {"run_id": run, "metrics": json.loads(f"[{points(1_000, 1, f'{number:05}')}]")})

    def read() -> None:
        token, seen = "", 0
        while True:
            path = f"/metrics/get-history?run_id={run}&metric_key=metric_0&max_results=25000"
            url = f"http://127.0.0.1:{server.port}{API}{path}&page_token={token}"
            with urllib.request.urlopen(url, timeout=600) as answer:
                body = answer.read()
            seen += body.count(b'"step"')
            # Near its end; reading all of it is the client's work and not the server's.
            token = next_token(body)
            if not token:
                break
        assert seen == count, seen

    server.note(f"history of {count:,} points, ms", median_ms(read, 3))


def next_token(body: bytes) -> str:
    at = body.find(b'"next_page_token"')
    return body[at + 17 :].split(b'"')[1].decode() if at >= 0 else ""


def median_ms(act: Any, times: int) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1_000


def measure(name: str, folder: Path, arguments: argparse.Namespace) -> dict[str, float]:
    server = start(name, folder)
    try:
        experiment = server.call("/experiments/create", {"name": "logged"})["experiment_id"]
        time.sleep(3)
        server.note("memory when idle, MiB", server.memory())
        measure_logging(server, experiment, arguments.seconds, arguments.connections)
        measure_search(server, arguments.runs)
        measure_history(server, experiment, arguments.points)
        server.note("memory at the end, MiB", server.memory())
    finally:
        server.stop()
    return server.figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000, help="runs to search")
    parser.add_argument("--points", type=int, default=1_000_000, help="points of the history to read")
    parser.add_argument("--seconds", type=float, default=10, help="how long logging is measured")
    parser.add_argument("--connections", type=int, default=64, help="clients that log at once")
    arguments = parser.parse_args()
    if not shutil.which(MLFLOW):
        sys.exit("mlflow is missing: pip install mlflow, or name it in MLFLOW_BIN")
    with tempfile.TemporaryDirectory() as folder:
        figures = {}
        for name in ("lab", "mlflow"):
            path = Path(folder) / name
            path.mkdir()
            figures[name] = measure(name, path, arguments)
    print(f"{'':36}{'lab':>12}{'mlflow':>12}{'ratio':>9}")
    for what, ours in figures["lab"].items():
        theirs = figures["mlflow"][what]
        ratio = ours / theirs if what.endswith("/s") else theirs / ours
        print(f"{what:36}{ours:12,.2f}{theirs:12,.2f}{ratio:8,.1f}x")


if __name__ == "__main__":
    main()
