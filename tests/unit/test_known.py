"""Numbers that are known, in parts: as a dictionary has them, and not built anew where nothing changed."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.db.arrays import texts_array
from controlplane.live import known
from controlplane.live.known import Known

START = datetime(2026, 1, 1, tzinfo=UTC)

STEPS = st.lists(
    st.tuples(st.sampled_from("abcdefghij"), st.none() | st.integers(1, 9), st.none() | st.integers(1, 3))
)


@given(STEPS)
def test_it_says_what_was_learned_last(steps: list[tuple[str, int | None, int | None]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(known, "PART", 3)
        mine, expected = Known(), dict[str, tuple[int, datetime | None]]()
        for customer, seq, hours in steps:
            due_at = None if hours is None else START + timedelta(hours=hours)
            if seq is None:
                mine.forget(customer)
                expected.pop(customer, None)
            else:
                mine.learn(customer, seq, due_at)
                expected[customer] = seq, due_at
            parts = list(mine.parts())
            said = [pair for part in parts for pair in zip(part.customers, part.seqs, strict=True)]
            assert said == sorted((name, number) for name, (number, _) in expected.items())
            for later in range(4):
                at = START + timedelta(hours=later)
                due = {name for part in parts for name in part.due(at)}
                assert due == {name for name, (_, due_at) in expected.items() if due_at and due_at <= at}


def test_what_has_not_changed_stays_the_same_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "PART", 3)
    mine = Known()
    for name in "abcdefgh":
        mine.learn(name, 1, None)
    before = list(mine.parts())
    assert all(one is other for one, other in zip(before, mine.parts(), strict=True))
    mine.learn("d", 2, None)
    after = list(mine.parts())
    assert [one is other for one, other in zip(before, after, strict=True)] == [True, False, True]
    texts_array.cache_clear()
    for part in (*before, *after):
        texts_array(part.customers)
    assert texts_array.cache_info().misses == 3
