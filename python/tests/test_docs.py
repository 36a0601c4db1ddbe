"""The examples of the documentation do what they say: blocks of `python` and `sh`; those of `console` are not run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import LAB, Store

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "python/README.md", *sorted((ROOT / "docs").glob("*.md"))]
# These wait for visitors, or for a machine that is not there.
SKIPPED = ("lab serve", "lab events --follow")


def examples(page: Path) -> list[tuple[str, str]]:
    """The blocks of a page that can be run, with their language."""
    blocks = re.findall(r"^```(python|sh)\n(.*?)^```", page.read_text(), re.M | re.S)
    return [block for block in blocks if block[0] == "python" or "lab " in block[1]]


@pytest.mark.parametrize("page", [page for page in PAGES if examples(page)], ids=lambda page: page.stem)
def test_the_examples_of_a_page_run(store: Store, page: Path) -> None:
    folder = store.root.parent
    (folder / "model.safetensors").write_bytes(b"weights")
    environment = os.environ | {"PATH": f"{LAB.parent}:{os.environ['PATH']}"}
    for language, text in examples(page):
        if language == "python":
            commands = [[sys.executable, "-c", f"import llm_research_lab as lab\nimport numpy as np\n{text}"]]
        else:
            lines = text.replace("\\\n", " ").splitlines()
            lines = [line for line in lines if line.startswith("lab ") and not line.startswith(SKIPPED)]
            commands = [shlex.split(line, comments=True) for line in lines]
        for command in commands:
            done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
