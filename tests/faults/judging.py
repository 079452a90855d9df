"""Whether what callers were told is so: by history, by what the same keys are told again, by ``verify``."""

import time

import psycopg

from controlplane.db.lanes.ticket import Call
from tests.faults.doors import is_replayed, say, told_in
from tests.faults.holding import Hold
from tests.faults.judging_holds import end_all, pass_time, wrong_about
from tests.faults.load import Asked
from tests.faults.records import balances, read_answers, read_balances, read_reservations
from tests.faults.standing import Place
from tests.faults.words import Refused, Told, Unknown, Word, asked

#: Seconds within which whatever was still under way has ended, since its caller has gone.
SECONDS = 20.0


def stands(place: Place, told: Asked, granted: int) -> None:
    """Everything that was told is so, and every key is told one thing for ever.

    * ALLOWED: there is one usage event with these figures, or one reservation, in the state that its holder
      was told; what it was told to be settled is charged, once;
    * DENIED: it is recorded, and moved nothing;
    * refused: there is no trace of the key, neither now nor when all that was under way has ended;
    * UNKNOWN: either is so.

    Nobody is denied what there is: only more than was granted is. What is held is what reservations hold; in
    the end, which this brings about by saying everything again, that is nothing.
    """
    wait_for_the_rest(place)
    assert place.faults == []
    customers = sorted({customer for customer, _ in told})
    spent = {
        customer: _stands(
            place, customer, {key: each for (owner, key), each in told.items() if owner == customer}, granted
        )
        for customer in customers
    }
    pass_time(place, "2 days")  # longer than anything may be held
    for customer in customers:
        assert read_balances(place, customer) == balances(granted, spent[customer], held=0)
        assert all(record.state != "HELD" for record in read_reservations(place, customer).values())
    assert place.faults == []


def _stands(place: Place, customer: str, own: dict[str, tuple[int, Word] | Hold], granted: int) -> int:
    """The same of one customer; what it has spent in the end."""
    recorded, reservations = read_answers(place, customer), read_reservations(place, customer)
    wrong = []
    for key, each in own.items():
        answer, charged = recorded.get(key, (None, 0))
        if isinstance(each, Hold):
            record = reservations.get(answer.seq or 0) if answer and answer.allowed else None
            wrong += [
                f"{why}: {each}, recorded {answer} {record}"
                for why in wrong_about(each, granted, answer, record)
            ]
        elif not _is_so(*each, granted, answer, charged):
            wrong.append(f"{customer} {key} for {each[0]}: told {each[1]}, recorded {answer} for {charged}")
    assert not wrong, "\n".join(wrong[:5])
    assert set(recorded) <= set(own), "what nobody asked for"

    spent = sum(charged for _, charged in recorded.values()) + sum(
        each.settled for each in reservations.values()
    )
    held = sum(each.rest for each in reservations.values())
    assert read_balances(place, customer) == balances(granted, spent, held)

    answers = _asked_again(place, customer, own)
    for key, (answer, _) in recorded.items():
        assert answers[key] == (answer, True), key
    spent += sum(
        own[key][0]
        for key, (answer, was) in answers.items()
        if not was and answer.allowed and not isinstance(own[key], Hold)
    )
    numbers = {
        answers[key][0].seq or 0: each
        for key, each in own.items()
        if isinstance(each, Hold) and answers[key][0].allowed
    }
    reservations = read_reservations(place, customer)
    assert set(reservations) == set(numbers), "one reservation a key"
    before = {number: record.settled for number, record in reservations.items()}
    held = sum(each.rest for each in reservations.values())
    assert read_balances(place, customer) == balances(granted, spent, held), "asking again held twice"

    pass_time(place, "5 seconds")  # so that nothing expires from here on
    settled = end_all(place, customer, numbers)
    assert settled == {
        number: record.settled for number, record in read_reservations(place, customer).items()
    }
    return spent + sum(settled.values()) - sum(before.values())


def wait_for_the_rest(place: Place) -> None:
    """Until no statement of the application is under way."""
    deadline = time.monotonic() + SECONDS
    while rest := place.rows(
        "SELECT state, wait_event, query FROM pg_stat_activity WHERE usename LIKE '%%app'"
        " AND datname = current_database() AND state <> 'idle'"
    ):
        assert time.monotonic() < deadline, rest
        time.sleep(0.05)


def _is_so(amount: int, word: Word, granted: int, recorded: Told | None, charged: int) -> bool:
    if recorded and (recorded.allowed != (amount <= granted) or charged != amount * recorded.allowed):
        return False
    match word:
        case Told():
            return recorded == word
        case Refused():
            return recorded is None
        case Unknown():
            return True


def _asked_again(
    place: Place, customer: str, own: dict[str, tuple[int, Word] | Hold]
) -> dict[str, tuple[Told, bool]]:
    """What each key is told, and whether that was known before; twice, and the second time all of it was."""
    consumptions = [asked(customer, key, each[0]) for key, each in own.items() if not isinstance(each, Hold)]
    holds = [each.item(Call.RESERVE, each.seconds) for each in own.values() if isinstance(each, Hold)]
    with psycopg.connect(place.url, autocommit=True) as connection:
        first, second = (
            {
                row[1]: (told_in(Call.CONSUME, row), is_replayed(row))
                for call, items in ((Call.CONSUME, consumptions), (Call.RESERVE, holds))
                for start in range(0, len(items), 200)
                for row in say(connection, call, items[start : start + 200])
            }
            for _ in range(2)
        )
    assert second == {key: (answer, True) for key, (answer, _) in first.items()}
    return first
