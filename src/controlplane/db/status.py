"""What was applied to a database, migration by migration, compared with the files."""

from dataclasses import dataclass
from datetime import UTC, datetime

from controlplane.db.roles import as_owner
from controlplane.db.schema_state import Recorded, SchemaState, read_recorded
from controlplane.db.sessions import Session, open_session
from controlplane.db.sources import Sources, load_sources


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """One migration, known to the database, to the files, or to both.

    Attributes:
        version: its number.
        name: as applied, else as in the files.
        applied_at: None if it is pending.
        is_ours: whether this version has the file.
        is_changed: whether the file reads differently from what was applied.
    """

    version: int
    name: str
    applied_at: datetime | None
    is_ours: bool
    is_changed: bool


@dataclass(frozen=True, slots=True)
class Status:
    """All migrations in order, and how many of the repeated files wait."""

    state: SchemaState | None
    migrations: tuple[MigrationStatus, ...]
    pending_files: int


def read_status(url: str, prefix: str, sources: Sources | None = None) -> Status:
    """Compare the database at ``url`` with the files; changes nothing. ``prefix`` is that of the roles.

    Raises:
        Shed: no connection.
    """
    sources = sources or load_sources()
    with open_session(url, name="controlplane status") as session:
        recorded = read_recorded(session, prefix)
        with as_owner(session, prefix):
            applied_at = _applied_at(session) if recorded.is_installed else {}
    files = (*sources.repeated, *sources.closing)
    pending = sum(
        1
        for file in files
        if (applied := recorded.files.get(file.path)) is None
        or applied.checksum != file.checksum
        or not applied.intact
    )
    return Status(recorded.state, _compared(sources, recorded, applied_at), pending)


def _compared(
    sources: Sources, recorded: Recorded, applied_at: dict[int, datetime]
) -> tuple[MigrationStatus, ...]:
    ours = {migration.version: migration for migration in sources.migrations}
    lines = []
    for version in sorted(ours.keys() | recorded.migrations.keys()):
        file, applied = ours.get(version), recorded.migrations.get(version)
        name = applied[0] if applied else file.name if file else ""
        changed = file is not None and applied is not None and applied[1] != file.checksum
        lines.append(MigrationStatus(version, name, applied_at.get(version), file is not None, changed))
    return tuple(lines)


def _applied_at(session: Session) -> dict[int, datetime]:
    rows = session.execute("SELECT version, applied_at FROM core.schema_migration").fetchall()
    return {version: at.astimezone(UTC) for version, at in rows}
