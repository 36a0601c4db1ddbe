"""What can go wrong, by what a caller can do about it."""

from __future__ import annotations


class LabError(Exception):
    """Anything that went wrong in the tracker.

    ``code`` is stable and the same as in the HTTP API; ``field`` is the dotted path of the value at fault, where there
    is one; ``retryable`` says whether the same call may succeed later.
    """

    code = "INTERNAL_ERROR"

    def __init__(
        self, message: str, *, code: str | None = None, field: str | None = None, retryable: bool = False
    ) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code
        self.field = field
        self.retryable = retryable


class ValidationError(LabError, ValueError):
    """A value is missing, malformed or out of range."""

    code = "VALIDATION_ERROR"


class ConflictError(LabError):
    """What is set already cannot change, as a parameter of a run."""

    code = "CONFLICT"


class InvalidStateError(LabError):
    """The run or experiment is not in a state for this, as a run that has finished."""

    code = "INVALID_STATE"


class NotFoundError(LabError, LookupError):
    """Nothing has that id or name."""

    code = "NOT_FOUND"


class StorageError(LabError, OSError):
    """A file, a disk, the store or the network failed. Nothing that was accepted before is lost."""

    code = "STORAGE_ERROR"


_BY_CODE: dict[str, type[LabError]] = {
    "VALIDATION_ERROR": ValidationError,
    "ARTIFACT_TOO_LARGE": ValidationError,
    "TOML_PARSE_ERROR": ValidationError,
    "CONFLICT": ConflictError,
    "INVALID_STATE": InvalidStateError,
    "NOT_FOUND": NotFoundError,
    "STORAGE_ERROR": StorageError,
    "IO_ERROR": StorageError,
}


def of(code: str, message: str, field: str | None, retryable: bool) -> LabError:
    """The exception for a code; the extension module raises what this makes."""
    return _BY_CODE.get(code, LabError)(message, code=code, field=field, retryable=retryable)
