"""Slips in what seals history and in what forgets people, made by hand, and the test that must notice each.

The tests are called as they are, in a database whose one function is another.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import psycopg
import pytest

from tests.mutants.hatchery import functions
from tests.servers import ROLE_PREFIX
from tests.sql import test_erase_entity as erasing
from tests.sql import test_seal_chain as chains
from tests.sql import test_seals as seals
from tests.sql import test_verify_granted as granted
from tests.sql.configuring import Configuration


@dataclass(frozen=True, slots=True)
class Slip:
    """What is wrong, and who is told so: a test, the world it begins with and what else it takes."""

    name: str
    function: str
    pattern: str
    becomes: str
    noticed_by: Callable[..., Any]
    world: Callable[[psycopg.Connection], Configuration]
    more: tuple[Any, ...] = ()


HISTORY, SEALED, LONG, SHORT = seals.history, seals.sealed_history, chains.long_chain, chains.many_operations
ERASED = erasing.zeldas
GRANTED, OLDER, OVERDRAWING = granted.granted, granted.made_before, granted.overdrawing

SLIPS = (
    Slip(
        "a column is left out",
        "core.sealed_rows",
        r"convert_to\(c\.actor, 'UTF8'\)",
        "NULL::bytea",
        seals.test_every_column_is_sealed,
        SEALED,
        ("change",),
    ),
    Slip(
        "nothing and an empty text are one",
        "core.sealed_rows",
        r"convert_to\(u\.session_id, 'UTF8'\)",
        "convert_to(coalesce(u.session_id, ''), 'UTF8')",
        seals.test_every_column_is_sealed,
        SEALED,
        ("usage_event",),
    ),
    Slip(
        "a denial is sealed with what it followed",
        "core.sealed_rows",
        r"ELSE i\.seq \+ 1 END",
        "ELSE i.seq END",
        seals.test_denials_are_sealed_by_what_follows_them,
        SEALED,
    ),
    Slip(
        "a key of the instant of the last seal is passed over",
        "core.sealed_rows",
        r"i\.recorded_at >= \$3",
        "i.recorded_at > $3",
        seals.test_the_head_is_made_of_the_rows_alone,
        HISTORY,
    ),
    Slip(
        "a key of the last instant is passed over",
        "core.sealed_rows",
        r"i\.recorded_at <= \$4",
        "i.recorded_at < $4",
        seals.test_the_head_is_made_of_the_rows_alone,
        HISTORY,
    ),
    Slip(
        "an instant is digested as the session shows it",
        "core.sealed_rows",
        r"w\.window_start",
        "convert_to(w.window_start::text, 'UTF8')",
        seals.test_no_setting_of_a_session_has_a_say,
        HISTORY,
        ("url",),
    ),
    Slip(
        "a text is digested as the session encodes it",
        "core.sealed_rows",
        r"convert_to\(u\.dimensions::text, 'UTF8'\)",
        "u.dimensions::text",
        seals.test_no_setting_of_a_session_has_a_say,
        HISTORY,
        ("url",),
    ),
    Slip(
        "a head forgets the one before",
        "core.seal",
        r"sha256\(v_next\.head \|\| v_op\.digests\)",
        "sha256(v_op.digests)",
        seals.test_the_head_is_made_of_the_rows_alone,
        HISTORY,
    ),
    Slip(
        "two seal at once",
        "core.seal",
        r"PERFORM pg_advisory_xact_lock[^;]*;",
        "",
        chains.test_who_seals_at_once_waits_and_finds_it_done,
        SHORT,
        ("url",),
    ),
    Slip(
        "sealing waits for the gate",
        "core.seal",
        r"WHERE g\.customer_id = p_customer_id;",
        "WHERE g.customer_id = p_customer_id FOR NO KEY UPDATE;",
        chains.test_sealing_waits_for_no_gate_and_holds_none,
        SHORT,
        ("url",),
    ),
    Slip(
        "heads are not compared with rows",
        "core.verify_seals",
        r"NOT v_fits OR",
        "",
        chains.test_whatever_is_done_to_seals_is_found,
        LONG,
    ),
    Slip(
        "marks are not compared",
        "core.verify_seals",
        r"v_marks <> v_seal\.marks OR",
        "",
        chains.test_whatever_is_done_to_seals_is_found,
        LONG,
    ),
    Slip(
        "what follows a tampered span is suspected",
        "core.verify_seals",
        r"v_other := CASE[^;]*;",
        "v_other := NULL;",
        seals.test_the_first_of_many,
        SEALED,
    ),
    Slip(
        "what stands before the first operation is passed over",
        "core.verify_seals",
        r"v_suspects := v_suspects \|\| \(v_op[^;]*;",
        "NULL;",
        seals.test_a_row_that_was_moved,
        SEALED,
    ),
    Slip(
        "a seal that is missing is passed over",
        "core.verify_seals",
        r"s\.from_seq > s\.end_before \+ 1",
        "false",
        chains.test_whatever_is_done_to_seals_is_found,
        LONG,
    ),
    Slip(
        "every head kept outside is believed",
        "core.verify_seals",
        r"IN \(encode\(v_head, 'hex'\), encode\(v_other, 'hex'\)\)",
        "IS NOT NULL",
        chains.test_a_chain_that_was_written_anew,
        LONG,
    ),
    Slip(
        "nobody misses what was cut off",
        "core.verify_seals",
        r"v_k < jsonb_array_length\(v_kept\)",
        "false",
        chains.test_a_chain_that_was_cut_off,
        LONG,
    ),
    Slip(
        "what was deleted is called inserted",
        "core.seal_offenders",
        r"WHEN j\.is_there THEN 'INSERTED'",
        "WHEN NOT j.is_there THEN 'INSERTED'",
        seals.test_a_row_that_is_missing_or_too_much,
        SEALED,
        ("ledger_entry",),
    ),
    *(
        Slip(f"{what} stay", function, pattern, becomes, erasing.test_nothing_is_left_of_her, ERASED)
        for what, function, pattern, becomes in (
            ("ids of wallets", "api.erase_entity", r"UPDATE core\.wallet[^;]*;", "NULL;"),
            ("ids of budgets", "api.erase_entity", r"UPDATE core\.budget SET[^;]*;", "NULL;"),
            ("reasons of raises", "api.erase_entity", r"UPDATE core\.budget_raise[^;]*;", "NULL;"),
            ("reasons of voids", "api.erase_entity", r"WITH hers AS[^;]*;", "NULL;"),
            ("metadata of events", "api.erase_entity", r"DELETE FROM[^;]*;", "NULL;"),
            ("names", "api.erase_entity", r"name = NULL, ", ""),
            (
                "ids in the answers of grants",
                "api.grant_credits",
                r"v_answer - 'walletId'",
                "v_answer",
            ),
            (
                "reasons in history",
                "api.raise_budget",
                r"'until', v_until\)",
                "'reason', p_input -> 'reason')",
            ),
        )
    ),
    *(
        Slip(
            f"nobody misses the {what} of a grant",
            "core.all_grant_terms",
            pattern,
            "",
            granted.finds_every_term,
            GRANTED,
        )
        for what, pattern in (
            ("wallet", r"'walletNo', p_grant\.wallet_no, "),
            ("grant it is of", r"'fromGrantNo', p_grant\.from_grant_no, "),
            ("place in its lot", r"'lotOffset', [^,]*, ?\n? *"),
            ("amount", r"'amount', [^,]*, "),
            ("kind", r"'kind', p_grant\.grant_kind, "),
            ("features", r"'features', [^,]*,"),
            ("cost basis", r"'costBasis', [^,]*, "),
            ("currency", r"'currency', [^,]*, "),
            ("source", r"'source', [^,]*, "),
            ("first day", r", 'createdAt', p_grant\.created_at"),
            ("dates and the priority", r"core\.grant_terms_json\(p_grant\) \|\| "),
        )
    ),
    *(
        Slip(
            f"nobody keeps the terms of {what}", function, pattern, "NULL", granted.finds_every_term, GRANTED
        )
        for what, function, pattern in (
            ("grants", "api.grant_credits", r"core\.all_grant_terms\(g\)"),
            ("parts", "core.book_transfer", r"core\.all_grant_terms\(v_part\)"),
            ("adjustments", "core.book_reversal", r"CASE WHEN g\.grant_no IS NOT NULL THEN[^;]*? END"),
        )
    ),
    Slip(
        "terms are not sealed",
        "core.sealed_rows",
        r"\|\| CASE WHEN o\.terms IS NULL[^;]*? END",
        "",
        seals.test_every_column_is_sealed,
        SEALED,
        ("ledger_origin",),
    ),
    Slip(
        "changes of terms begin anywhere",
        "core.verify_terms",
        r"WHERE o\.terms IS NOT NULL",
        "WHERE false",
        granted.finds_every_term,
        GRANTED,
    ),
    Slip(
        "keys are not asked of grants made before",
        "core.term_unlike_print",
        r"WHERE part\.asked <> part\.found",
        "WHERE false",
        granted.finds_what_keys_know,
        OLDER,
    ),
    Slip(
        "a grant made before that began at once is suspected",
        "core.term_unlike_print",
        r"part\.asked = int4send\(hashtext\(''\)\)",
        "false",
        granted.finds_what_keys_know,
        OLDER,
    ),
    Slip(
        "overdrafts are not compared",
        "core.verify_granted",
        r"l\.was <> l\.overdraft_limit",
        "false",
        granted.finds_overdrafts,
        OVERDRAWING,
    ),
    Slip(
        "what is said meanwhile stays",
        "api.erase_entity",
        r"v_events := v_events \|\|[^;]*;",
        "",
        erasing.test_what_is_said_while_it_waits_for_the_gate,
        ERASED,
        ("url",),
    ),
)


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: slip.name)
def test_a_slip_is_noticed(connection: psycopg.Connection, database_url: str, slip: Slip) -> None:
    file = functions()[slip.function]
    text, count = re.subn(slip.pattern, lambda _: slip.becomes, file.text)
    assert count, f"{file.path} has nothing like {slip.pattern!r} any more: break it where it stands now"
    for statement in replace(file, text=text).statements(ROLE_PREFIX):
        connection.execute(statement.text.encode())
    more = [database_url if each == "url" else each for each in slip.more]
    with pytest.raises((AssertionError, psycopg.Error, ValueError)):
        slip.noticed_by(slip.world(connection), *more)
