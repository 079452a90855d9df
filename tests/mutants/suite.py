"""What every mutant is asked: rules of locks and time, the vectors, and histories judged by the model.

``first_failure`` stops at the first wrong answer, so that most mutants take a moment; the cheapest and
the most telling come first.
"""

from collections.abc import Callable, Iterator

import psycopg

from tests.conformance.agreement import first_disagreement
from tests.conformance.cases import load_cases, replay_case
from tests.conformance.model_backend import ModelBackend
from tests.conformance.sql_backend import ManySqlBackend, SqlBackend, stop_clock
from tests.model.generous import generous
from tests.model.reversing import reversing
from tests.model.strategies import history, kept
from tests.mutants.rules import OPTIONS, Rules

#: What SQL leaves to the doors.
_LEFT_TO_DOORS = {"retryAfter"}


def first_failure(url: str, histories: int) -> str | None:
    """What the database at this URL does wrong first; None if nothing is seen.

    Args:
        url: as a superuser; everything in it is left behind.
        histories: so many made from seeds, besides the vectors and those that once showed something.
    """
    with psycopg.connect(url, autocommit=True, options=OPTIONS) as connection:
        name = "rules"
        try:
            for name, check in _checks(url, connection, histories):
                if difference := check():
                    return f"{name}: {difference}"
        except (psycopg.Error, AssertionError, KeyError, IndexError, TypeError, ValueError) as error:
            return f"{name}: {type(error).__name__} {error}".splitlines()[0]
    return None


def _checks(
    url: str, connection: psycopg.Connection, histories: int
) -> Iterator[tuple[str, Callable[[], object]]]:
    rules = Rules(url, connection)
    yield "rules", rules.prepare
    for rule in rules.all():
        yield rule.__name__, rule
    stop_clock(connection)
    backends = SqlBackend(connection), ManySqlBackend(connection)
    for case in load_cases():
        yield "vectors", lambda case=case: replay_case(backends[0], case)
    seeds = range(histories)
    judged = [
        *kept().values(),
        *map(generous, seeds),
        *map(history, seeds),
        *map(reversing, range(4 * histories)),
    ]
    for place, each in enumerate(judged):
        yield (
            f"history {place}",
            lambda each=each, backend=backends[place % 2]: first_disagreement(
                ModelBackend(), backend, each, leave_out=_LEFT_TO_DOORS
            ),
        )
        if place % 10 == 0:
            yield "verify", rules.verify
