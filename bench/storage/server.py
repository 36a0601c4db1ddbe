"""A server of its own in a process of its own, and clients that cost less than it does."""

from __future__ import annotations

import json
import os
import selectors
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LAB = os.environ.get("LAB_BIN", str(Path(__file__).parents[2] / "target/release/lab"))


class Server:
    """`lab serve` over the store in a folder."""

    def __init__(self, folder: Path) -> None:
        start = time.perf_counter()
        command = [LAB, "serve", "--json", "--listen", "127.0.0.1:0", "--dir", str(folder / ".lab")]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = json.loads(self.process.stdout.readline())["url"]
        self.get("/readyz")
        self.ready_ms = (time.perf_counter() - start) * 1e3
        self.port = int(self.url.rsplit(":", 1)[1])

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()

    def cpu_secs(self) -> float:
        """What it has worked so far, in user and kernel mode."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mib(self) -> float:
        """What of its memory is resident."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def get(self, path: str, accept: str = "application/json") -> bytes:
        request = urllib.request.Request(self.url + path, headers={"Accept": accept})
        with urllib.request.urlopen(request) as reply:
            return bytes(reply.read())

    def post(self, path: str, body: object) -> Any:
        data = json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as refusal:
            raise RuntimeError(f"{path}: {refusal.read().decode()}") from refusal

    def experiment(self, name: str) -> str:
        """An experiment that takes runs."""
        made = self.post("/api/v1/experiments", {"name": name})
        self.post(f"/api/v1/experiments/{made['id']}/status", {"status": "active"})
        return str(made["id"])

    def run(self, experiment: str) -> str:
        """A running run."""
        return str(self.post(f"/api/v1/experiments/{experiment}/runs", {})["id"])


def post_bytes(path: str, body: bytes) -> bytes:
    """A POST of JSON as it goes over the wire."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    )
    return head.encode() + b"\r\n" + body


def drive(port: int, connections: list[Iterator[bytes]]) -> float:
    """Sends the requests of each connection one after the other, all connections at once; answers for the seconds.

    One thread with raw sockets: on a small machine the client must leave the cores to the server.
    """
    selector = selectors.DefaultSelector()
    start = time.perf_counter()
    for requests in connections:
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if (first := next(requests, None)) is not None:
            connection.sendall(first)
            selector.register(connection, selectors.EVENT_READ, requests)
    while selector.get_map():
        for key, _ in selector.select():
            connection = key.fileobj
            assert isinstance(connection, socket.socket)
            # The answers are small: each comes whole.
            reply = connection.recv(65536)
            if not reply.startswith(b"HTTP/1.1 20"):
                raise RuntimeError(reply.decode() or "the server went away")
            if (following := next(key.data, None)) is not None:
                connection.sendall(following)
            else:
                selector.unregister(connection)
                connection.close()
    return time.perf_counter() - start
