"""The extension module."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

__version__: str

class Delivered:
    @property
    def complete(self) -> bool: ...
    @property
    def problem(self) -> str | None: ...
    @property
    def interrupted(self) -> bool: ...
    @property
    def refused(self) -> list[str]: ...

class Run:
    @staticmethod
    def start(
        *,
        experiment: str,
        name: str | None,
        parameters: dict[str, Any],
        tags: dict[str, str],
        parent: str | None,
        id: str | None,
        resume: bool,
        user: str | None,
        dir: str | None,
        server: str | None,
        offline: bool,
        interpreter: str | None,
        entry_point: str | None,
        arguments: list[str],
    ) -> Run: ...
    @property
    def id(self) -> str: ...
    @property
    def server(self) -> str | None: ...
    @property
    def root(self) -> Path: ...
    def log(self, values: Mapping[str, Any], step: int | None) -> None: ...
    def log_parameters(self, parameters: dict[str, Any]) -> None: ...
    def set_tags(self, tags: dict[str, str]) -> None: ...
    def use_dataset(self, name: str, metadata: str) -> None: ...
    def use_model(self, name: str, metadata: str) -> None: ...
    def log_artifact(self, file: str, name: str, artifact_type: str, metadata: str) -> None: ...
    def finish(self, status: str, error: tuple[str, str, str | None] | None, patience_secs: float) -> Delivered: ...
