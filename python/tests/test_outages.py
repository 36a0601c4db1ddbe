"""What happens to the server does not stop the loop that logs, and costs and doubles nothing."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from conftest import LAB, Store

# A call that waits for the server waits as long as the trouble lasts.
TROUBLE_SECS = 1.0
LONGEST_CALL_SECS = TROUBLE_SECS / 4

SCRIPT = """
import sys, time
import llm_research_lab as lab
run = lab.init("outages", console=False)
calls, step, end = [], 0, time.monotonic() + 3
while time.monotonic() < end:
    begun = time.perf_counter()
    run.log({"loss": step, "accuracy": -step}, step=step)
    calls.append(time.perf_counter() - begun)
    step += 1
    time.sleep(0.001)
run.finish(timeout=60)
print(step, max(calls))
"""


class Line:
    """What lies between a client and a server, and can be cut: then nothing gets through, and nobody is told."""

    def __init__(self, port: int) -> None:
        self._to = port
        self.is_cut = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._ends: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                return
            self._ends += [near, far]
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(1 << 16):
                if self.is_cut:
                    return
                target.sendall(data)
        except OSError:
            pass

    def mend(self) -> None:
        """Lets connections through again. Those from before are gone."""
        self.is_cut = False
        for end in self._ends:
            end.close()
        self._ends.clear()

    def close(self) -> None:
        self._listener.close()
        self.mend()


class Server:
    """A server that can be hurt."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._port = 0
        self.start()

    def start(self) -> None:
        command = [LAB, "serve", "--json", "--listen", f"127.0.0.1:{self._port}", "--dir", self._store.root]
        # Python ignores SIGXFSZ, and so does what it starts if it is told nothing else.
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, restore_signals=False
        )
        assert self.process.stdout is not None
        self.url: str = json.loads(self.process.stdout.readline())["url"]
        self._port = int(self.url.rsplit(":", 1)[1])
        self.line = Line(self._port)

    def stop(self, how: int = signal.SIGTERM) -> None:
        self.process.send_signal(how)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def limit_files(self, size: int) -> None:
        """No file can grow beyond so many bytes, as on a disk that is full."""
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@pytest.fixture
def server(store: Store) -> Iterator[Server]:
    server = Server(store)
    yield server
    server.stop()
    server.line.close()


def killed(server: Server) -> None:
    server.stop(signal.SIGKILL)
    time.sleep(TROUBLE_SECS)
    server.start()


def stalled(server: Server) -> None:
    server.process.send_signal(signal.SIGSTOP)
    time.sleep(TROUBLE_SECS)
    server.process.send_signal(signal.SIGCONT)


def cut_off(server: Server) -> None:
    server.line.is_cut = True
    time.sleep(TROUBLE_SECS)
    server.line.mend()


def full(server: Server) -> None:
    server.limit_files(1)
    time.sleep(TROUBLE_SECS)
    server.limit_files(resource.RLIM_INFINITY)


@pytest.mark.parametrize("trouble", [killed, stalled, cut_off, full])
def test_trouble_with_the_server_costs_nothing(store: Store, server: Server, trouble: Callable[[Server], None]) -> None:
    url = f"http://127.0.0.1:{server.line.port}" if trouble is cut_off else server.url
    script = store.root.parent / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script)]
    process = subprocess.Popen(
        command, env=os.environ | {"LAB_SERVER": url}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    time.sleep(1.2)
    trouble(server)
    out, problems = process.communicate(timeout=120)
    assert process.returncode == 0, problems
    steps, longest = out.split()
    run = store.run()
    assert run["status"] == "completed", problems
    assert store.history(run["id"], "loss")["steps"] == list(range(int(steps)))
    assert float(longest) < LONGEST_CALL_SECS
    assert store.spools() == []
