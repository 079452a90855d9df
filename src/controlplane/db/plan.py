"""What a migration run would do: the files compared with what the database records. Pure."""

import re
from dataclasses import dataclass

from controlplane.db.schema_state import Recorded
from controlplane.db.sources import Migration, Sources, SqlFile
from controlplane.errors import CodeTooOld, ConfigurationError, MigrationChanged


@dataclass(frozen=True, slots=True)
class Plan:
    """The work to do, in order, and what to tell about it.

    Attributes:
        migrations: to be applied once.
        repeated: functions and views that are new or changed, or of which something is gone.
        closing: grants and comments; all of them as soon as anything changes.
        removed: recorded files that no longer exist; what they made is dropped.
        unknown: recorded migrations that this code does not have: newer code migrated here.
        newer_code: newer code migrated here, so functions and views are left as they are.
    """

    migrations: tuple[Migration, ...]
    repeated: tuple[SqlFile, ...]
    closing: tuple[SqlFile, ...]
    removed: tuple[str, ...]
    unknown: tuple[str, ...]
    newer_code: bool

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to apply."""
        return not (self.migrations or self.repeated or self.closing or self.removed)


def make_plan(sources: Sources, recorded: Recorded, code_version: str, *, reapply: bool = False) -> Plan:
    """Compare; with ``reapply`` take all functions, views and grants for changed.

    Raises:
        CodeTooOld: the schema asks for newer code than ``code_version``.
        MigrationChanged: an applied migration reads differently now.
    """
    check_code_version(recorded, code_version)
    pending = tuple(_pending(sources, recorded))
    ours = {migration.version for migration in sources.migrations}
    unknown = tuple(
        f"{version:04d}_{name}"
        for version, (name, _) in sorted(recorded.migrations.items())
        if version not in ours
    )
    state = recorded.state
    newer = bool(unknown) or (state is not None and _parts(state.code_version) > _parts(code_version))
    if newer:
        return Plan((), (), (), (), unknown, newer_code=True)
    repeated = tuple(file for file in sources.repeated if reapply or not _is_applied(file, recorded))
    closing_changed = reapply or not all(_is_applied(file, recorded) for file in sources.closing)
    known = {file.path for file in (*sources.repeated, *sources.closing)}
    removed = tuple(sorted(set(recorded.files) - known))
    return Plan(
        migrations=pending,
        repeated=repeated,
        closing=sources.closing if pending or repeated or removed or closing_changed else (),
        removed=removed,
        unknown=(),
        newer_code=False,
    )


def check_code_version(recorded: Recorded, code_version: str) -> None:
    """Refuse to work on a schema that asks for newer code.

    Older schemas are fine, and so are newer ones that do not ask: code and schema roll out one by one.

    Raises:
        CodeTooOld: ``min_code_version`` is above ``code_version``.
    """
    state = recorded.state
    if state is not None and _parts(code_version) < _parts(state.min_code_version):
        raise CodeTooOld(
            f"this is controlplane {code_version}, but the schema needs {state.min_code_version} or newer",
            hint=f"upgrade controlplane to {state.min_code_version} or newer",
        )


def check_same_installation(recorded: Recorded, *, prefix: str, environment: str) -> None:
    """Refuse a database that was set up for another role prefix or environment.

    Raises:
        ConfigurationError: naming the variable that differs.
    """
    state = recorded.state
    if state is None:
        return
    for variable, ours, theirs in (
        ("CONTROLPLANE_ROLE_PREFIX", prefix, state.role_prefix),
        ("CONTROLPLANE_ENVIRONMENT", environment, state.environment),
    ):
        if ours != theirs:
            raise ConfigurationError(
                f"{variable} is '{ours}', but this database was set up as '{theirs}'",
                hint=f"set {variable}={theirs}, or use another database",
            )


def _is_applied(file: SqlFile, recorded: Recorded) -> bool:
    applied = recorded.files.get(file.path)
    return applied is not None and applied.checksum == file.checksum and applied.intact


def _pending(sources: Sources, recorded: Recorded) -> list[Migration]:
    pending = []
    for migration in sources.migrations:
        applied = recorded.migrations.get(migration.version)
        if applied is None:
            pending.append(migration)
        elif applied[1] != migration.checksum:
            raise MigrationChanged(
                f"sql/{migration.path} was applied here and reads differently now",
                hint="put it back as it was and add a new migration; a demo or test database may be deleted",
            )
    return pending


def release(version: str) -> str:
    """The ``x.y.z`` of a version, without what marks a pre-release or a local build."""
    match = re.match(r"\d+\.\d+\.\d+", version)
    if match is None:
        raise ValueError(f"not a version: {version}")
    return match[0]


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release(version).split("."))
