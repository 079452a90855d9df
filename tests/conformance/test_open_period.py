"""What may still be recorded as months are closed: database and model say the same of every instant."""

from datetime import date, datetime, timedelta

import psycopg

from tests.conformance.backend import Malformed
from tests.conformance.forms import Item
from tests.conformance.model_backend import ModelBackend
from tests.conformance.sql_backend import SqlBackend
from tests.model.examples import ask, feature, grant, rate, world

#: Around the beginnings of months, at which periods begin and end, and now: the world stands on 15 January.
BEGINNINGS = ["2029-11-01T00:00Z", "2029-12-01T00:00Z", "2030-01-01T00:00Z"]
NOW = datetime.fromisoformat("2030-01-15T12:00Z")
TICK = timedelta(microseconds=1)
INSTANTS = [
    *(datetime.fromisoformat(begins) + moved for begins in BEGINNINGS for moved in (-TICK, 0 * TICK, TICK)),
    *(NOW - TICK, NOW, NOW + timedelta(minutes=1)),
]


def recorded(backend: ModelBackend | SqlBackend, item: Item) -> bool:
    try:
        [answer] = backend.consume([item])
    except Malformed as error:
        if error.field != "occurredAt":
            raise
        return False
    return bool(answer["allowed"])


def close(connection: psycopg.Connection, month: date) -> None:
    state = None
    while state != ("CLOSED",):
        state = connection.execute("SELECT api.close_month(%s, 'x') ->> 'state'", (month,)).fetchone()


def test_both_refuse_the_same(connection: psycopg.Connection) -> None:
    model, database = ModelBackend(), SqlBackend(connection)
    for backend in (model, database):
        features = [feature("chat", rate("general", "input", "1"))]
        backend.set_up(world(features=features, grants=[grant("g", "99")]))
    counts = []
    for closed in (None, "2029-11-01", "2029-12-01"):
        if closed is not None:
            model.kernel.close_month(datetime.fromisoformat(f"{closed}T00:00Z"))
            before = (datetime.fromisoformat(closed) - timedelta(days=1)).date().replace(day=1)
            close(connection, before)
        answers = []
        for number, instant in enumerate(INSTANTS):
            item = ask(f"{closed}-{number}", overage="RECORD", occurredAt=instant.isoformat())
            said = [recorded(backend, item) for backend in (model, database)]
            assert said[0] == said[1], (closed, instant)
            answers.append(said[0])
        counts.append(answers.count(True))
    assert counts == [4, 10, 7]
