"""Whether what callers were told is so: by history, by what the same keys are told again, by ``verify``."""

import time
from collections.abc import Mapping

import psycopg

from tests.faults.doors import consume
from tests.faults.load import Item, Key, Refused, Told, Unknown, Word, asked
from tests.faults.standing import Place

#: Seconds within which whatever was still under way has ended, since its caller has gone.
SECONDS = 20.0


def stands(place: Place, told: Mapping[Key, tuple[int, Word]], granted: int) -> None:
    """Everything that was told is so, and every key is told one thing for ever.

    * ALLOWED: there is one usage event with these figures; DENIED: it is recorded, and moved nothing;
    * refused: there is no trace of the key, neither now nor when all that was under way has ended;
    * UNKNOWN: either is so.

    Nobody is denied what there is: only more than was granted is.
    """
    wait_for_the_rest(place)
    assert place.faults == []
    for customer in sorted({customer for customer, _ in told}):
        own = {key: word for (owner, key), word in told.items() if owner == customer}
        recorded = _recorded(place, customer)
        wrong = [
            f"{customer} {key} for {amount}: told {word}, recorded {recorded.get(key)}"
            for key, (amount, word) in own.items()
            if not _is_so(amount, granted, word, recorded.get(key))
        ]
        assert not wrong, "\n".join(wrong[:5])
        assert set(recorded) <= set(own), "what nobody asked for"
        spent = sum(amount for answer, amount in recorded.values() if answer.allowed)
        assert place.rows("SELECT available FROM core.wallet WHERE customer_id = %s", customer) == [
            (granted - spent,)
        ]
        used = "SELECT coalesce(sum(used), 0) FROM core.counter WHERE customer_id = %s"
        assert place.rows(used, customer) == [(spent,)]
        items = [asked(customer, key, amount) for key, (amount, _) in own.items()]
        again, once_more = _asked_again(place, items), _asked_again(place, items)
        for key, before in recorded.items():
            assert again[key] == (before[0], True), key
        assert {key: answer for key, (answer, _) in again.items()} == {
            key: answer for key, (answer, replayed) in once_more.items() if replayed
        }
    assert place.faults == []


def wait_for_the_rest(place: Place) -> None:
    """Until no statement of the application is under way."""
    deadline = time.monotonic() + SECONDS
    while rest := place.rows(
        "SELECT state, wait_event, query FROM pg_stat_activity WHERE usename LIKE '%%app'"
        " AND datname = current_database() AND state <> 'idle'"
    ):
        assert time.monotonic() < deadline, rest
        time.sleep(0.05)


def _recorded(place: Place, customer: str) -> dict[str, tuple[Told, int]]:
    """Each key's answer, and what was charged for it by its usage event."""
    rows = place.rows(
        "SELECT core.key_text(i.key), i.allowed, nullif(i.reason, ''), i.seq,"
        " coalesce((SELECT sum((u.credits ->> 'general')::numeric) FROM core.usage_event AS u"
        "           WHERE u.customer_id = i.customer_id AND u.seq = i.seq AND i.allowed), 0)"
        " FROM core.idempotency AS i WHERE i.customer_id = %s AND i.key <> 'grant'",
        customer,
    )
    allowed = [seq for _, is_allowed, _, seq, _ in rows if is_allowed]
    events = place.rows("SELECT seq FROM core.usage_event WHERE customer_id = %s ORDER BY seq", customer)
    assert [(seq,) for seq in sorted(allowed)] == events, "one event for each key that was allowed"
    return {key: (Told(is_allowed, why, seq), int(charged)) for key, is_allowed, why, seq, charged in rows}


def _is_so(amount: int, granted: int, word: Word, recorded: tuple[Told, int] | None) -> bool:
    if recorded and recorded[0].allowed != (amount <= granted):
        return False
    charged = amount if recorded and recorded[0].allowed else 0
    match word:
        case Told():
            return recorded == (word, charged)
        case Refused():
            return recorded is None
        case Unknown():
            return recorded is None or recorded[1] == charged


def _asked_again(place: Place, items: list[Item]) -> dict[str, tuple[Told, bool]]:
    with psycopg.connect(place.url, autocommit=True) as connection:
        return {
            key: (Told(allowed, reason, seq), replayed)
            for start in range(0, len(items), 200)
            for _, key, allowed, reason, _, replayed, seq in consume(connection, items[start : start + 200])
        }
