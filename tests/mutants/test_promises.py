"""For each promise a slip in the code that breaks it, made by hand, which the suite must notice.

A slip is a pattern of the function's text and what becomes of it. Where the text was rewritten and the
pattern is not found any more, the test says so: find the place that keeps the promise now, and break that.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from tests.mutants.hatchery import Hatchery, functions, hatchery_on
from tests.servers import Server

#: Random histories that a slip may take to be noticed.
HISTORIES = 10


@dataclass(frozen=True, slots=True)
class Slip:
    """What breaks a promise.

    Attributes:
        seen: the check of the suite that notices it, by its name; asked alone, so that a slip takes a moment.
    """

    promise: str
    name: str
    function: str
    pattern: str
    becomes: str
    seen: str


SLIPS = (
    Slip(
        "P1", "the gate is not locked", "core.consume_batch", r"FOR NO KEY UPDATE(?! SKIP)", "", "rule race"
    ),
    Slip(
        "P1",
        "a grant keeps what it paid",
        "core.write_verdict",
        r"UPDATE core\.credit_grant\b[^;]*;",
        "NULL;",
        "rule replay",
    ),
    Slip(
        "P1",
        "an expired grant pays on",
        "core.judge",
        r" AND g\.expires_at > p_at",
        "",
        "reversing 1",
    ),
    Slip(
        "P1",
        "who fits takes more than there is",
        "core.judge",
        r"v_g_left\[v_g\] >= 0;",
        "true;",
        "vector 7-1",
    ),
    Slip(
        "P3",
        "what only seemed to fit is not taken back",
        "core.judge",
        r"v_c_used\[v_c\] := v_c_used\[v_c\] - v_m_all\[[^;]*;",
        "NULL;",
        "reversing 0",
    ),
    Slip(
        "P8",
        "a budget that is shown along the way is not counted",
        "core.judge",
        r"v_c_used\[v_c\] := v_c_used\[v_c\] \+ coalesce\(v_amounts[^;]*;",
        "NULL;",
        "kept another-budget-becomes-the-nearest",
    ),
    Slip(
        "P3",
        "who fits is told the budget that is nearest in the end",
        "core.judge",
        r"IF v_used \* v_near_limit > v_near_used \* v_x_limit\[v_x\] AND v_c <>",
        "IF false AND v_c <>",
        "kept another-budget-becomes-the-nearest",
    ),
    Slip(
        "P3",
        "the last of a budget is denied",
        "core.judge",
        r"IF v_used > v_x_limit\[",
        "IF v_used >= v_x_limit[",
        "vector 7-75",
    ),
    Slip(
        "P3",
        "what is denied counts",
        "core.judge",
        r"v_group_failed AND \(v_group_refused OR NOT",
        "false AND (v_group_refused OR NOT",
        "vector 7-0",
    ),
    Slip(
        "P4",
        "the root's budgets do not bind",
        "core.judge",
        r"\bb\.is_active\b",
        "b.is_active AND b.entity_no > 0",
        "vector 7-3",
    ),
    Slip(
        "P4", "no limit binds who fits", "core.judge", r"v_used > v_x_limit\[v_x\] OR v_c", "v_c", "history 0"
    ),
    Slip(
        "P4",
        "budgets are not charged",
        "core.write_verdict",
        r"UPDATE core\.counter\b[^;]*;",
        "NULL;",
        "reversing 0",
    ),
    Slip(
        "P5",
        "expiry before priority",
        "core.judge",
        r"g\.priority, g\.expires_at",
        "g.expires_at, g.priority",
        "vector 7-5",
    ),
    Slip(
        "P1",
        "a transfer leaves what it took",
        "core.book_transfer",
        r"SET remaining = remaining - v_part\.amount,",
        "SET remaining = remaining,",
        "rule moved",
    ),
    Slip(
        "P1",
        "what is voided can be burned",
        "core.book_void",
        r"SET remaining = 0,",
        "SET remaining = remaining,",
        "rule changed",
    ),
    Slip(
        "P1",
        "more is taken back than there was",
        "core.reversal_faults",
        r"p_reversed \+ p_share > 1",
        "false",
        "reversing 0",
    ),
    Slip(
        "P1",
        "a grant has back what it never paid",
        "core.book_reversal",
        r"SET remaining = remaining \+ v_amount,",
        "SET remaining = remaining + v_slice.amount + v_amount,",
        "reversing 0",
    ),
    Slip(
        "P7",
        "what paid first is taken back first",
        "core.reversed_slices",
        r"ORDER BY l\.leg DESC\)",
        "ORDER BY l.leg)",
        "reversing 11",
    ),
    Slip(
        "P14",
        "parts of a reversal do not come to the whole",
        "core.reversed_amounts",
        r"trunc\(m\.amount \* p_before, m\.decimals\)",
        "trunc(m.amount * p_before, 0)",
        "reversing 17",
    ),
    Slip(
        "P4",
        "a window of another day is given back to",
        "core.book_reversal",
        r"WHERE n\.counted_at >= \([^;]*?\)\n",
        "",
        "reversing 43",
    ),
    Slip(
        "P2",
        "what was repaid of an overdraft is lost",
        "core.book_reversal",
        r"v_amount := v_slice\.amount - v_amount;",
        "v_amount := 0;",
        "reversing 3",
    ),
    Slip(
        "P8",
        "what was moved twice is not charged back",
        "core.grant_parts",
        r"    UNION ALL[^;]*?grant_no\n",
        "",
        "returning 1",
    ),
    Slip(
        "P8",
        "what was charged back is not receivable",
        "core.grants_spent",
        r"IN \('CONSUMED', 'OWED'\)",
        "IN ('OWED')",
        "reversing 2",
    ),
    Slip(
        "P1",
        "what nobody has paid for is issued",
        "core.book_grant",
        r"IF v_grant\.is_pending THEN\b",
        "IF false THEN",
        "history 1",
    ),
    Slip(
        "P5",
        "the newest lot moves first",
        "core.transferable_grants",
        r"g\.effective_at, g\.grant_no;",
        "g.effective_at, g.grant_no DESC;",
        "rule changed",
    ),
    Slip(
        "P5",
        "an update changes what was decided before",
        "api.update_grant",
        r"core\.grant_terms_json\(v_was\)",
        "core.grant_terms_json(v_new)",
        "rule changed",
    ),
    Slip(
        "P2",
        "what was held does not come back",
        "core.take_steps",
        r"v_g_left\[v_g\] := v_g_left\[v_g\] \+ v_a;",
        "NULL;",
        "reversing 0",
    ),
    Slip(
        "P1",
        "a settlement within its hold is rounded down",
        "core.take_steps",
        r"CASE WHEN s\.units % p\.per_units > 0 THEN 1 ELSE 0 END",
        "0",
        "finishing 2",
    ),
    Slip(
        "P2",
        "what a settlement leaves of its hold is gone",
        "core.take_steps",
        r"available = w\.available \+ t\.rest",
        "available = w.available",
        "finishing 2",
    ),
    Slip(
        "P3",
        "a settlement within its hold does not wait for one that is not",
        "core.take_steps",
        r"p\.fitting = p\.steps",
        "true",
        "finishing 0",
    ),
    Slip(
        "P4",
        "a settlement counts in a window in which it held nothing",
        "core.take_steps",
        r"c\.is_within AND c\.epoch IS NOT DISTINCT FROM [^)]*\)\)::text",
        "c.is_within",
        "kept held-in-a-window-that-has-passed",
    ),
    Slip(
        "P3",
        "a settlement gives back to what has expired",
        "core.take_steps",
        r"AND g\.expires_at > p_at LIMIT 1",
        "LIMIT 1",
        "kept held-of-a-grant-that-has-expired",
    ),
    Slip(
        "P6",
        "a settlement that is said twice in a call is paid twice",
        "core.take_steps",
        r"a\.ends AND a\.times = 1",
        "a.ends",
        "finishing 0",
    ),
    Slip(
        "P2",
        "what returns is held all the same",
        "core.take_steps",
        r"v_g_held\[v_g\] := v_g_held\[v_g\] - v_a;(?=\s+v_w_held)",
        "NULL;",
        "reversing 0",
    ),
    Slip(
        "P2",
        "a budget stays held",
        "core.take_steps",
        r"v_c_held\[v_c\] := v_c_held\[v_c\] - v_a;",
        "NULL;",
        "reversing 1",
    ),
    Slip(
        "P6",
        "a settlement that fell short is told as a success when it is told again",
        "core.take_steps",
        r"p_kind\[v_i\] = 'SETTLE' AND v_i_allowed\[v_i\]",
        "v_short > 0",
        "kept what-fell-short-has-no-price-for-the-total",
    ),
    Slip(
        "P2",
        "a release ends nothing",
        "core.take_steps",
        r"v_h_state\[v_h\] NOT IN \('HELD', 'RELEASED'\)",
        "false",
        "history 0",
    ),
    Slip(
        "P2",
        "what expires is not booked",
        "core.book_due",
        r"r\.expires_at <= p_at\) AS h",
        "false) AS h",
        "history 7",
    ),
    Slip(
        "P1",
        "what is held can be spent",
        "core.judge",
        r"array_agg\(trim_scale\(s\.held\)\)",
        "array_agg(NULL::numeric)",
        "rule replay",
    ),
    Slip(
        "P1",
        "beyond the hold costs nothing",
        "core.take_steps",
        r"v_w_available\[v_w\] := v_w_available\[v_w\] - v_a;",
        "NULL;",
        "history 0",
    ),
    Slip(
        "P4",
        "a hold does not count for others",
        "core.write_verdict",
        r"held = v_c_held\[v\.c\], last_used_at",
        "held = c.held, last_used_at",
        "history 1",
    ),
    Slip(
        "P4",
        "what goes beyond counts nowhere",
        "core.take_steps",
        r"v_c_used\[v_c\] := v_c_used\[v_c\] \+ v_a;",
        "NULL;",
        "history 0",
    ),
    Slip(
        "P5",
        "the excess is paid by what expires last",
        "core.take_steps",
        r"t\.rank, g\.priority, g\.expires_at",
        "t.rank, g.priority DESC, g.expires_at DESC",
        "reversing 12",
    ),
    Slip(
        "P6",
        "a report that is repeated charges again",
        "core.take_steps",
        r"greatest\(v_was\[v_n\], v_a\)",
        "v_was[v_n] + v_a",
        "history 0",
    ),
    Slip(
        "P3",
        "a check does not see what has expired",
        "core.judge",
        r"v_g_left\[v_g\] := v_g_left\[v_g\] \+ v_row\.rest;",
        "NULL;",
        "rule held",
    ),
    Slip(
        "P6",
        "keys are forgotten",
        "core.write_verdict",
        r"INSERT INTO core\.idempotency\b[^;]*;",
        "NULL;",
        "rule replay",
    ),
    Slip(
        "P6",
        "a conflict is a replay",
        "core.judge",
        r"v_i_old_print\[v_i\] = v_i_print\[v_i\]",
        "v_i_old_print[v_i] IS NOT NULL",
        "rule replay",
    ),
    Slip(
        "P8", "a balance stays", "core.write_verdict", r"UPDATE core\.wallet\b[^;]*;", "NULL;", "rule replay"
    ),
    Slip(
        "P8",
        "no entry is made",
        "core.write_verdict",
        r"INSERT INTO core\.ledger_entry\b[^;]*;",
        "NULL;",
        "rule replay",
    ),
    Slip(
        "P8",
        "what expired is still held",
        "core.write_due",
        r"UPDATE core\.wallet\b[^;]*;",
        "NULL;",
        "rule many",
    ),
    Slip(
        "P9",
        "a number is left out",
        "core.write_verdict",
        r"SET seq = v_k_seq\[v\.k\]",
        "SET seq = v_k_seq[v.k] + 1",
        "rule replay",
    ),
    Slip(
        "P9",
        "time runs backwards",
        "core.consume_batch",
        r"greatest\(core\.clock\(\), v_last_at\)",
        "core.clock()",
        "rule time",
    ),
    Slip("P10", "a check is lenient", "api.check", r"p_observe\);", "true);", "rule held"),
    Slip(
        "P12",
        "a commit is not waited for",
        "core.begin_writing",
        r"'synchronous_commit', 'on'",
        "'synchronous_commit', 'off'",
        "rule durable",
    ),
    Slip(
        "P14",
        "what is too fine is taken",
        "core.judge",
        r"BETWEEN 1 AND 9\b",
        "BETWEEN 1 AND 99",
        "rule exact",
    ),
)


@pytest.fixture(scope="module")
def hatchery(server: Server, template: str) -> Iterator[Hatchery]:
    with hatchery_on(server, template) as opened:
        yield opened


@pytest.mark.parametrize("check", sorted({slip.seen for slip in SLIPS}))
def test_without_a_slip_nothing_is_noticed(hatchery: Hatchery, check: str) -> None:
    assert hatchery.killer(None, HISTORIES, only=check) is None


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: f"{slip.promise}: {slip.name}")
def test_a_broken_promise_is_noticed(hatchery: Hatchery, slip: Slip) -> None:
    file = functions()[slip.function]
    text, count = re.subn(slip.pattern, lambda _: slip.becomes, file.text)
    assert count, (
        f"{file.path} has nothing like {slip.pattern!r} any more: break {slip.promise} where it is kept now"
    )
    slipped = replace(file, text=text)
    assert hatchery.killer(slipped, HISTORIES, only=slip.seen), (
        f"{slip.seen} does not notice it any more; the whole suite: {hatchery.killer(slipped, HISTORIES)}"
    )


def test_history_that_can_be_changed_is_noticed(hatchery: Hatchery) -> None:
    """P7, which triggers keep."""
    for table in ("usage_event", "ledger_entry", "idempotency"):
        harm = f"DROP TRIGGER {table}_is_immutable ON core.{table}"
        assert hatchery.killer(None, HISTORIES, statement=harm, only="rule history"), harm
