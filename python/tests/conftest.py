"""A store of its own for every test, and the real program to read it with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient

import llm_research_lab as lab

LAB = Path(os.environ.get("LAB_BIN", Path(__file__).parents[2] / "target/debug/lab")).resolve()


@dataclass
class Store:
    """A folder with a store, which may have a server before it."""

    root: Path
    server: str | None = None

    def cli(self, *arguments: str) -> Any:
        """The JSON that the program answers with."""
        done = subprocess.run([LAB, *arguments, "--json", "--dir", self.root], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def runs(self) -> list[dict[str, Any]]:
        """Every run, the oldest first."""
        return self.cli("runs", "list", "--sort", "created_at")["items"]

    def run(self) -> dict[str, Any]:
        """The one run there is, in full."""
        (run,) = self.runs()
        return self.cli("runs", "show", run["id"])

    def history(self, run: str, metric: str) -> dict[str, Any]:
        """The points of a series, in columns."""
        return self.cli("runs", "history", run, metric)

    def spools(self) -> list[Path]:
        """What waits to be delivered."""
        return list((self.root / "spool").rglob("*.spool"))

    def python(self, code: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs a script of its own."""
        script = self.root.parent / "script.py"
        script.write_text(code)
        return subprocess.run(
            [sys.executable, script], cwd=self.root.parent, env=os.environ | variables, capture_output=True, text=True
        )


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A store, found from the working directory."""
    subprocess.run([LAB, "init", tmp_path, "--quiet"], check=True)
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("LAB_") and name != "LAB_BIN"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LAB_QUIET", "1")
    yield Store(tmp_path / ".lab")
    if lab.run is not None:
        lab.run.finish("cancelled")
        lab.run = None


@pytest.fixture
def serve(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """Starts a server over the store and names it in the environment."""
    servers: list[subprocess.Popen[str]] = []

    def start() -> str:
        command = [LAB, "serve", "--json", "--listen", "127.0.0.1:0", "--dir", store.root]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        servers.append(server)
        assert server.stdout is not None
        url: str = json.loads(server.stdout.readline())["url"]
        monkeypatch.setenv("LAB_SERVER", url)
        store.server = url
        return url

    yield start
    for server in servers:
        server.terminate()
        server.wait()
        assert server.stdout is not None
        server.stdout.close()


@pytest.fixture(params=["embedded", "server"])
def either(request: pytest.FixtureRequest, store: Store, serve: Callable[[], str]) -> Store:
    """The store, once beside the script and once behind a server."""
    if request.param == "server":
        serve()
    return store


@pytest.fixture
def client(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[MlflowClient]:
    """MLflow's client of a server over an empty store; its fluent functions use the same.

    With LAB_TEST_MLFLOW set to the address of a genuine server, of that one: what it answers is what is right.
    """
    url = os.environ.get("LAB_TEST_MLFLOW") or request.getfixturevalue("serve")()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    mlflow.set_tracking_uri(url)
    yield MlflowClient(url)
    while mlflow.active_run():
        mlflow.end_run("KILLED")
    mlflow.tracking.fluent._active_experiment_id = None
    os.environ.pop("MLFLOW_EXPERIMENT_ID", None)
    mlflow.set_tracking_uri("")
