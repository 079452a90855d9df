"""What a database records about the files that were applied to it (the ``core.schema_*`` tables)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from controlplane.db.objects import seen_objects
from controlplane.db.roles import as_owner
from controlplane.db.sessions import Session, scalar

#: What Postgres says where there is no schema of ours: no such schema, or no such function.
NO_SCHEMA = ("3F000", "42883")


@dataclass(frozen=True, slots=True)
class SchemaState:
    """The one row of ``core.schema_state``."""

    min_code_version: str
    code_version: str
    role_prefix: str
    environment: str
    queue_source: str
    queue_version: str


@dataclass(frozen=True, slots=True)
class AppliedFile:
    """A repeated file as it was applied.

    Attributes:
        checksum: of its text at that time.
        objects: what it made, as ``controlplane.db.objects`` writes them.
        intact: whether all of these are still there; a migration may have dropped a view to change a table.
    """

    checksum: str
    objects: tuple[str, ...] = ()
    intact: bool = True


@dataclass(frozen=True, slots=True)
class Recorded:
    """Everything recorded: migrations by version (name and checksum), other files by path."""

    migrations: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    files: Mapping[str, AppliedFile] = field(default_factory=dict)
    state: SchemaState | None = None

    @property
    def is_installed(self) -> bool:
        """Whether the schema was ever migrated here."""
        return self.state is not None


def read_recorded(session: Session, prefix: str) -> Recorded:
    """Read the three tables; nothing recorded if they do not exist.

    Args:
        session: of the API, or of a login that may become the owner.
        prefix: of the roles.
    """
    if scalar(session, "SELECT to_regnamespace('core')") is None:
        return Recorded()
    with as_owner(session, prefix):
        if scalar(session, "SELECT to_regclass('core.schema_state')") is None:
            return Recorded()
        migrations = session.execute("SELECT version, name, checksum FROM core.schema_migration").fetchall()
        files = session.execute("SELECT path, checksum, objects FROM core.schema_file").fetchall()
        state = session.execute(
            "SELECT min_code_version, code_version, role_prefix, environment, queue_source, queue_version"
            " FROM core.schema_state"
        ).fetchone()
        session.execute("SET LOCAL search_path = pg_catalog")
        there = seen_objects(session).keys()
    return Recorded(
        migrations={version: (name, checksum) for version, name, checksum in migrations},
        files={
            path: AppliedFile(checksum, tuple(objects), intact=there >= set(objects))
            for path, checksum, objects in files
        },
        state=SchemaState(*state) if state else None,
    )


def record_migration(session: Session, version: int, name: str, checksum: str) -> None:
    """Note that a migration was applied."""
    session.execute(
        "INSERT INTO core.schema_migration (version, name, checksum) VALUES (%s, %s, %s)",
        (version, name, checksum),
    )


def record_file(session: Session, path: str, checksum: str, objects: Sequence[str] = ()) -> None:
    """Note with which content a repeated file was applied, and what it made."""
    session.execute(
        "INSERT INTO core.schema_file (path, checksum, objects) VALUES (%s, %s, %s)"
        " ON CONFLICT (path) DO UPDATE SET checksum = excluded.checksum, objects = excluded.objects,"
        " applied_at = clock_timestamp()",
        (path, checksum, list(objects)),
    )


def forget_files(session: Session, paths: Sequence[str]) -> None:
    """Take files out of the record that no longer exist."""
    session.execute("DELETE FROM core.schema_file WHERE path = ANY(%s)", (list(paths),))


def record_installation(session: Session, state: SchemaState) -> None:
    """Write the one row, once; migrations may raise its ``min_code_version`` from then on."""
    session.execute(
        "INSERT INTO core.schema_state (min_code_version, code_version, role_prefix, environment,"
        " queue_source, queue_version) VALUES (%s, %s, %s, %s, %s, %s)",
        (
            state.min_code_version,
            state.code_version,
            state.role_prefix,
            state.environment,
            state.queue_source,
            state.queue_version,
        ),
    )


def record_code_version(session: Session, version: str) -> None:
    """Note which code brought the schema to where it is now."""
    session.execute(
        "UPDATE core.schema_state SET code_version = %s, migrated_at = clock_timestamp()", (version,)
    )
