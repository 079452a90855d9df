"""Options that win over settings."""

import os
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from controlplane.errors import ConfigurationError
from controlplane.settings import Settings


def with_options(settings: Settings, **given: Any) -> Settings:
    """The settings with what was given on the command line; None means not given.

    Raises:
        ConfigurationError: a value is not what the setting takes.
    """
    values = {name: value for name, value in given.items() if value is not None}
    try:
        return Settings.model_validate({**settings.model_dump(), **values})
    except ValidationError as error:
        raise ConfigurationError(
            "; ".join(f"{item['loc'][0]}: {item['msg']}" for item in error.errors())
        ) from error


class OutputFile(click.Path):
    """A file to write. Where that cannot work is told before the work, not after it."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, dir_okay=False, writable=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Its folder must be there and open to us."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if not path.name:
            self.fail(f"'{value}' is no name of a file", param, ctx)
        if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
            self.fail(f"'{path}' cannot be written: {path.parent} is no folder, or closed to us", param, ctx)
        return path


def write_output(file: Path, text: str) -> None:
    """Write what was asked for.

    Raises:
        ConfigurationError: it cannot be written after all: the disk is full, the folder has gone.
    """
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"cannot write {file}: {error.strerror}", hint="name another file, or make room"
        ) from error


class _Folder(click.Path):
    """A folder; without a name it would be the one we are in."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, file_okay=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse none: a variable of the caller's shell was empty."""
        if value == "":
            self.fail("it has no name; for this folder say .", param, ctx)
        return super().convert(value, param, ctx)


#: ``--data DIR``, for every command that may start or find the embedded server.
data_option = click.option(
    "--data",
    type=_Folder(),
    metavar="DIR",
    help="Folder of the embedded server (CONTROLPLANE_DATA_DIR).",
)
