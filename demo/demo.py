"""Trains small language models in two configurations and several seeds, and shows which difference is real."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
EXPERIMENT = "tiny-lm"
HIDDEN = (16, 64)
SEEDS = range(5)


def serve(lab: Path, store: Path) -> tuple[subprocess.Popen[str], str]:
    """Starts a server on the store; at the usual address if that is free, else at any."""
    for listen in ("127.0.0.1:7878", "127.0.0.1:0"):
        server = subprocess.Popen(
            [lab, "serve", "--json", "--listen", listen, "--dir", store], stdout=subprocess.PIPE, text=True
        )
        assert server.stdout is not None
        if line := server.stdout.readline():
            return server, json.loads(line)["url"]
        server.wait()
    sys.exit("error: the server did not start")


def main() -> None:
    """Runs the demo."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lab", type=Path, required=True, help="the lab program")
    lab = parser.parse_args().lab.resolve()
    # Every demo begins anew, and what it left can be looked at until the next one.
    store = HERE / ".lab"
    shutil.rmtree(store, ignore_errors=True)
    subprocess.run([lab, "init", HERE, "--quiet"], check=True)
    server, url = serve(lab, store)
    environment = os.environ | {"LAB_SERVER": url, "LAB_DIR": str(store), "LAB_QUIET": "true"}
    try:
        print(f"Watch it live: {url}\n", flush=True)
        plan = [(hidden, seed) for seed in SEEDS for hidden in HIDDEN]
        for done, (hidden, seed) in enumerate(plan, start=1):
            print(f"[{done:>2}/{len(plan)}] training with hidden={hidden}, seed={seed}", flush=True)
            command = [sys.executable, str(HERE / "train.py"), "--experiment", EXPERIMENT]
            subprocess.run([*command, f"--hidden={hidden}", f"--seed={seed}"], env=environment, check=True)
        print(flush=True)
        compare = [lab, "compare", "--experiment", EXPERIMENT, "--group-by", "params.hidden"]
        chosen = ["--metric", "val/loss", "--metric", "train/loss", "--lower-is-better", "val/loss", "train/loss"]
        subprocess.run([*compare, *chosen], env=environment, check=True)
        print(f"\nThe page: {url}", flush=True)
        if sys.stdin.isatty():
            print("Ctrl-C stops the server.", flush=True)
            server.wait()
        else:
            print(f"The server stops now. To see the page again: {lab} serve --dir {store}", flush=True)
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
