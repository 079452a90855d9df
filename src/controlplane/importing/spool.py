"""Where a file's rows wait until they are sent: on disk, so that memory does not grow with the file.

Customers may be scattered over a file, an id may come twice, and parents may stand below their children, so
nothing can be sent before all of it is known. It is a database of SQLite without a name: a file that is
already deleted when it is opened, so that nobody's data stays behind, whatever ends the import.
"""

import sqlite3
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from controlplane.errors import ConfigurationError
from controlplane.importing.order import CIRCLE, levels
from controlplane.importing.rows import Row

#: KiB that SQLite may keep in memory.
_CACHE_KIB = 4 * 1024
#: Rows that are fetched at a time.
_AT_ONCE = 500
_SELECT = "SELECT line, customer, given, entity, parent, credit_type, amount FROM row WHERE "
_SCHEMA = f"""
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA temp_store = FILE;
PRAGMA cache_size = -{_CACHE_KIB};
CREATE TABLE row (
  place INTEGER PRIMARY KEY, line INTEGER, customer TEXT, known_by TEXT, level INTEGER DEFAULT 1,
  given TEXT, entity TEXT, parent TEXT, credit_type TEXT, amount TEXT
);
CREATE UNIQUE INDEX once ON row (customer, known_by);
BEGIN
"""


class Spool:
    """Rows of one file."""

    def __init__(self) -> None:
        """Make an empty one."""
        self._connection = sqlite3.connect("", isolation_level=None)
        self._connection.executescript(_SCHEMA)
        self._count = 0

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the disk."""
        self._connection.close()

    def add(self, row: Row, known_by: str | None) -> int | None:
        """Set a row aside, unless its customer has one that is known by the same: then that one's line.

        Args:
            row: the next of the file.
            known_by: None for what the database will refuse anyway.

        Raises:
            ConfigurationError: there is no room on the disk.
        """
        credit_type, amount = row.credits or (None, None)
        values = (row.line, row.customer, known_by, row.given, row.entity, row.parent, credit_type, amount)
        with _room():
            done = self._connection.execute(
                "INSERT OR IGNORE INTO row (line, customer, known_by, given, entity, parent, credit_type,"
                " amount) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                values,
            )
        if done.rowcount:
            self._count += 1
            return None
        found = self._connection.execute(
            "SELECT line FROM row WHERE customer = ? AND known_by = ?", (row.customer, known_by)
        )
        return int(found.fetchone()[0])

    def arrange(self) -> Iterator[tuple[Row, list[str]]]:
        """Put all rows in an order in which they can be made, once the last was added.

        Yields each row that goes in circles, which is taken out, with the ids of its circle.
        """
        with _room():
            yield from self._arrange()

    def _arrange(self) -> Iterator[tuple[Row, list[str]]]:
        if self._connection.execute("SELECT 1 FROM row WHERE parent IS NOT NULL LIMIT 1").fetchone():
            yield from self._parents_first()
        self._connection.executescript("""
            CREATE INDEX in_order ON row (customer, level, place);
            CREATE TABLE size AS
              SELECT customer, count(*) AS rows FROM row GROUP BY customer ORDER BY customer;
            CREATE UNIQUE INDEX by_customer ON size (customer);
        """)

    def _parents_first(self) -> Iterator[tuple[Row, list[str]]]:
        parents = array("i", bytes(4 * (self._count + 1)))
        pairs = (
            "SELECT c.place, p.place FROM row AS c"
            " JOIN row AS p ON p.customer = c.customer AND p.known_by = c.parent"
        )
        for child, parent in self._connection.execute(pairs):
            parents[child] = parent
        found, circles = levels(parents)
        self._connection.executemany(
            "UPDATE row SET level = ? WHERE place = ?",
            ((level, place) for place, level in enumerate(found) if level > 1),
        )
        for circle in circles:
            names = [
                self._connection.execute("SELECT entity FROM row WHERE place = ?", (place,)).fetchone()[0]
                for place in circle[:CIRCLE]
            ]
            for place in circle:
                [row] = self._rows("place = ?", place)
                yield row, names + ["…"] * (len(circle) > CIRCLE)
        taken_out = ([place] for circle in circles for place in circle)
        self._connection.executemany("DELETE FROM row WHERE place = ?", taken_out)

    def long(self, most: int) -> list[str]:
        """Customers of more than so many rows, the one with the most first."""
        query = "SELECT customer FROM size WHERE rows > ? ORDER BY rows DESC, customer"
        return [customer for (customer,) in self._connection.execute(query, (most,))]

    def short(self, most: int) -> Iterator[list[Row]]:
        """All rows of each other customer, in the order in which they can be made."""
        after = 0
        query = "SELECT rowid, customer FROM size WHERE rowid > ? AND rows <= ? ORDER BY rowid LIMIT ?"
        while page := self._connection.execute(query, (after, most, _AT_ONCE)).fetchall():
            for _, customer in page:
                yield self._rows("customer = ? ORDER BY level, place", customer)
            after = page[-1][0]

    def cuts(self, customer: str, most: int) -> Iterator[list[Row]]:
        """A customer's rows, so many at a time, in the order in which they can be made."""
        level, place = 0, 0
        query = (
            "SELECT level, place FROM row WHERE customer = ? AND (level, place) > (?, ?)"
            " ORDER BY level, place LIMIT ?"
        )
        while page := self._connection.execute(query, (customer, level, place, most)).fetchall():
            last_level, last_place = page[-1]
            yield self._rows(
                "customer = ? AND (level, place) > (?, ?) AND (level, place) <= (?, ?) ORDER BY level, place",
                *(customer, level, place, last_level, last_place),
            )
            level, place = last_level, last_place

    def find(self, customer: str, known_by: str) -> Row | None:
        """A row by what it is known by."""
        return next(iter(self._rows("customer = ? AND known_by = ?", customer, known_by)), None)

    def _rows(self, condition: str, *given: Any) -> list[Row]:
        return [_row(each) for each in self._connection.execute(_SELECT + condition, given)]


def _row(found: Sequence[Any]) -> Row:
    line, customer, given, entity, parent, credit_type, amount = found
    return Row(line, customer, given, entity, parent, None if amount is None else (credit_type, amount))


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise ConfigurationError(
            f"the file's rows cannot be set aside on disk: {error}",
            hint=f"make room in {tempfile.gettempdir()}, or name another folder in TMPDIR",
        ) from error
