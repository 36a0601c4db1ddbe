"""The document that describes the HTTP API is one that other programs can use."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable

from openapi_spec_validator import validate


def test_the_openapi_document_is_valid(serve: Callable[[], str]) -> None:
    with urllib.request.urlopen(f"{serve()}/api/v1/openapi.json") as answer:
        validate(json.load(answer))
