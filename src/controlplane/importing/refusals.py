"""Rows that were refused: listed in a file as they come, counted, and the first ones kept to be shown."""

import json
from bisect import insort
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from controlplane.errors import ConfigurationError
from controlplane.importing.rows import BadRow

#: Refused rows that are shown.
SHOWN = 20


class Refusals:
    """What was refused so far; memory does not grow with it.

    Attributes:
        path: of the list; None for none.
        count: rows.
        uncounted: those without an amount that can be read.
        first: those that stand first in the file, in its order.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Begin the list, over what stands there.

        Raises:
            ConfigurationError: it cannot be written.
        """
        self.path = path
        self.count = 0
        self.uncounted = 0
        self.first: list[BadRow] = []
        self._error: OSError | None = None
        self._file: TextIO | None = None
        if path is not None:
            try:
                self._file = path.open("w", encoding="utf-8", buffering=1)
            except OSError as error:
                raise _not_written(path, error) from error

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the list.

        Raises:
            ConfigurationError: some of it could not be written; the import went on without.
        """
        if self._file is not None:
            try:
                self._file.close()
            except OSError as failed:
                self._error = self._error or failed
        if self._error is not None and self.path is not None and kind is None:
            raise _not_written(self.path, self._error) from self._error

    def add(self, bad: BadRow) -> None:
        """Count a row, and list all its faults, a JSON object each."""
        self.count += 1
        self.uncounted += bad.credits is None
        insort(self.first, bad, key=lambda each: each.line)
        del self.first[SHOWN:]
        if self._file is None or self._error is not None:
            return
        try:
            for fault in bad.faults:
                told = {
                    "line": bad.line,
                    "customerId": bad.customer,
                    "field": fault.field,
                    "code": fault.code,
                    "message": fault.message,
                }
                self._file.write(json.dumps(told) + "\n")
        except OSError as error:
            self._error = error


def _not_written(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"cannot write {path}: {error.strerror}", hint="--errors names a file that can be written"
    )
