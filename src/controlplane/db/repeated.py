"""Applying the repeated files: functions and views whose text changed, without what they no longer make.

First everything is replaced in place (``CREATE OR REPLACE``), which keeps grants and what people built upon
it. Where Postgres refuses that (a view loses a column, a function changes what it returns, a view still
uses what is to be dropped), all is taken back, and the views and the changed functions are made anew.
"""

from collections.abc import Callable, Collection

import structlog

from controlplane.db.objects import drop_objects, made_between, seen_objects
from controlplane.db.plan import Plan
from controlplane.db.schema_state import Recorded, forget_files, record_file
from controlplane.db.sessions import Session
from controlplane.db.sources import Sources, SqlFile
from controlplane.errors import MigrationError

#: invalid_table_definition, invalid_function_definition, dependent_objects_still_exist.
_NEEDS_REBUILD = frozenset({"42P16", "42P13", "2BP01"})

_log = structlog.get_logger(__name__)


class RepeatedFiles:
    """Applies the repeated files of a plan within the caller's transaction, as the owner."""

    def __init__(
        self, session: Session, sources: Sources, recorded: Recorded, execute: Callable[[SqlFile], None]
    ) -> None:
        """Prepare.

        Args:
            session: in a transaction, with the search path ``pg_catalog``.
            sources: all files there are.
            recorded: what was applied before.
            execute: runs one file's statements, raising MigrationError from the error of psycopg.
        """
        self._session = session
        self._sources = sources
        self._recorded = recorded
        self._execute = execute

    def apply(self, plan: Plan) -> None:
        """Apply the changed files and drop what no file makes any more.

        Raises:
            MigrationError: a file cannot be applied, or somebody depends on what has to be dropped.
        """
        if not plan.repeated and not plan.removed:
            return
        self._session.execute("SAVEPOINT repeated_files")
        try:
            self._replace(plan.repeated, plan.removed)
        except MigrationError as error:
            if _sqlstate(error) not in _NEEDS_REBUILD:
                raise
            _log.info("views_are_made_anew", reason=error.message)
            self._session.execute("ROLLBACK TO SAVEPOINT repeated_files")
            self._rebuild(plan)
        self._session.execute("RELEASE SAVEPOINT repeated_files")

    def _replace(self, files: Collection[SqlFile], removed: Collection[str]) -> None:
        made: set[str] = set()
        for file in files:
            before = seen_objects(self._session)
            self._execute(file)
            objects = made_between(before, seen_objects(self._session))
            record_file(self._session, file.path, file.checksum, objects)
            made.update(objects)
        touched = {file.path for file in files} | set(removed)
        for path, applied in self._recorded.files.items():
            if path not in touched:
                made.update(applied.objects)
        self._drop(self._objects_of(touched) - made)
        forget_files(self._session, sorted(removed))

    def _rebuild(self, plan: Plan) -> None:
        changed = {file.path for file in plan.repeated}
        with_views = {
            path
            for path, applied in self._recorded.files.items()
            if any(name.startswith("VIEW ") for name in applied.objects)
        }
        self._drop(self._objects_of(changed | with_views | set(plan.removed)))
        files = [file for file in self._sources.repeated if file.path in changed | with_views]
        self._replace(files, plan.removed)

    def _objects_of(self, paths: Collection[str]) -> set[str]:
        files = self._recorded.files
        return {name for path in paths if path in files for name in files[path].objects}

    def _drop(self, objects: set[str]) -> None:
        if objects:
            _log.info("dropped", objects=sorted(objects))
        drop_objects(self._session, objects)


def _sqlstate(error: MigrationError) -> str | None:
    return getattr(error.__cause__, "sqlstate", None)
