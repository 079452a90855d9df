"""The chain itself: what was done to seals, heads that were kept outside, and two who seal at once."""

import threading
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.sql.configuring import Configuration
from tests.sql.test_seals import ask, verdict

#: The spans of ``long``: sealed up to 3, then as they fall.
SPANS = [(1, 3), (4, 64), (65, 128), (129, 150)]


def many_operations(connection: psycopg.Connection) -> Configuration:
    """A customer of 150 operations, none of them sealed."""
    world = Configuration(connection)
    world.change("upsert_customer")
    for number in range(149):
        world.suspend(None, number % 2 == 0)
    return world


def long_chain(connection: psycopg.Connection) -> Configuration:
    """The same, sealed, with the guards switched off."""
    world = many_operations(connection)
    world.one("SELECT core.seal('acme', 3)")
    world.one("SELECT core.seal('acme')")
    assert world.rows("SELECT from_seq, to_seq FROM core.seal ORDER BY 1") == SPANS
    connection.execute("SET session_replication_role = replica")
    return world


@pytest.fixture
def unsealed(connection: psycopg.Connection) -> Configuration:
    return many_operations(connection)


@pytest.fixture
def long(connection: psycopg.Connection) -> Configuration:
    return long_chain(connection)


def chain(world: Configuration) -> list[tuple[int, int, str]]:
    """What happened to seals; nothing happened to rows."""
    told = verdict(world)
    assert {each["check"] for each in told} <= {"seal_chain"}
    return [(each["seq"], each["toSeq"], each["happened"]) for each in told]


def heads(world: Configuration, heads: list[dict[str, Any]]) -> list[tuple[int, str, int]]:
    told = [each for each in verdict(world, heads) if each["check"] == "seal_heads"]
    return [(each["seq"], each["happened"], each["sameUpTo"]) for each in told]


def kept(world: Configuration, seq: int = 150) -> dict[str, Any]:
    """The head at the end of a span, as it would have been kept outside then."""
    head = world.one("SELECT encode(head, 'hex') FROM core.seal WHERE to_seq = %s", seq)
    return {**world.one("SELECT api.seal_head('acme')"), "seq": str(seq), "head": head}


def test_all_is_well(long: Configuration) -> None:
    assert verdict(long, [kept(long)]) == []
    looked = long.rows("SELECT check_name, checked FROM api.verify_seals() WHERE checked IS NOT NULL")
    assert dict(looked) == {"seals": 150, "seal_chain": 4, "seal_heads": 0}


TAMPERED = {
    "UPDATE core.seal SET head = decode(repeat('00', 32), 'hex') WHERE from_seq = 4": [(4, 64, "ALTERED")],
    "UPDATE core.seal SET marks = marks[2:] WHERE from_seq = 65": None,
    "UPDATE core.seal SET recorded_at = recorded_at - interval '1 us' WHERE from_seq = 65": [
        (65, 128, "ALTERED")
    ],
    "UPDATE core.seal SET to_seq = 63 WHERE from_seq = 4": [(4, 63, "ALTERED"), (64, 64, "DELETED")],
    "UPDATE core.seal SET from_seq = 5 WHERE from_seq = 4": [(4, 4, "DELETED"), (5, 64, "ALTERED")],
    "UPDATE core.seal SET customer_id = 'x' WHERE from_seq = 65": [(65, 128, "DELETED")],
    "DELETE FROM core.seal WHERE from_seq = 1": [(1, 3, "DELETED")],
    "DELETE FROM core.seal WHERE from_seq IN (4, 65)": [(4, 128, "DELETED")],
    "INSERT INTO core.seal SELECT from_seq + 1, to_seq, recorded_at, customer_id, head, marks"
    " FROM core.seal WHERE from_seq = 65": [(66, 128, "INSERTED")],
}


def test_whatever_is_done_to_seals_is_found(long: Configuration) -> None:
    for statement, expected in TAMPERED.items():
        with long.connection.transaction(force_rollback=True):
            assert long.connection.execute(statement).rowcount > 0, statement  # type: ignore[arg-type]
            if expected is None:  # what has no mark any more looks inserted
                assert [(each["seq"], each["happened"]) for each in verdict(long)] == [(65, "INSERTED")]
            elif "'x'" in statement:
                mine = long.rows(
                    "SELECT offender FROM api.verify_seals(ARRAY['acme']) WHERE offender IS NOT NULL"
                )
                assert [(each["seq"], each["toSeq"], each["happened"]) for (each,) in mine] == expected
                assert {each["check"] for each in verdict(long)} == {"seal_chain", "seals"}
            else:
                assert chain(long) == expected, statement
    assert verdict(long) == []


def test_marks_that_were_made_to_fit_prove_nothing(long: Configuration) -> None:
    """An altered row, and its mark worked out anew: then the head says that the two were."""
    long.connection.execute("UPDATE core.change SET actor = 'x' WHERE seq = 70")
    long.connection.execute(
        "UPDATE core.seal SET marks = (SELECT array_agg(m ORDER BY o.seq)"
        " FROM core.sealed_operations('acme', 64, 128) AS o, unnest(o.marks) AS m) WHERE from_seq = 65"
    )
    assert chain(long)[0] == (65, 128, "ALTERED")


def test_a_chain_that_was_cut_off(long: Configuration) -> None:
    """What is left of it fits; only a head kept outside knows that it went on."""
    head, earlier = kept(long), kept(long, 128)
    assert head == long.one("SELECT api.seal_head('acme')")
    long.connection.execute("DELETE FROM core.seal WHERE from_seq > 65")
    assert verdict(long) == []
    [told] = verdict(long, [head, earlier])
    assert told == {
        "check": "seal_heads",
        "seq": 150,
        "happened": "TRUNCATED",
        "sameUpTo": 128,
        "sealedUpTo": 128,
        "incarnation": 1,
    }
    # Sealed again, the same history has the same head, however it is cut.
    long.one("SELECT core.seal('acme')")
    assert verdict(long, [head, earlier]) == []
    with long.connection.transaction(force_rollback=True):
        long.connection.execute("DELETE FROM core.seal WHERE from_seq > 1")
        for up_to in (100, 140):
            long.one("SELECT core.seal('acme', %s)", up_to)
        assert heads(long, [head, earlier]) == [(150, "TRUNCATED", 128)]
        long.one("SELECT core.seal('acme')")
        assert verdict(long, [head, earlier]) == []
    long.connection.execute("TRUNCATE core.seal")
    assert heads(long, [head, earlier]) == [(128, "TRUNCATED", 0), (150, "TRUNCATED", 0)]


def test_a_chain_that_was_written_anew(long: Configuration) -> None:
    """By an owner who alters a row and then seals as honest people do: the heads say since when."""
    first, last = kept(long, 64), kept(long)
    long.connection.execute("UPDATE core.change SET actor = 'x' WHERE seq = 100")
    assert [each["happened"] for each in verdict(long, [first, last])] == ["ALTERED"]
    long.connection.execute("DELETE FROM core.seal WHERE from_seq > 4")
    long.one("SELECT core.seal('acme')")
    assert verdict(long) == []
    [told] = verdict(long, [last, first])
    assert (told["seq"], told["happened"], told["sameUpTo"]) == (150, "REWRITTEN", 64)
    assert told["kept"] == last["head"]
    assert told["found"] == kept(long)["head"]


def test_a_customer_that_is_gone(long: Configuration) -> None:
    head = kept(long)
    for table in ("gate", "seal", "change"):
        long.connection.execute(f"DELETE FROM core.{table}")  # type: ignore[arg-type]
    assert heads(long, [head]) == [(150, "TRUNCATED", 0)]


def test_no_fork_and_no_gap(unsealed: Configuration) -> None:
    """The key refuses a second span from one place, whoever writes it."""
    unsealed.one("SELECT core.seal('acme', 10)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        unsealed.connection.execute(
            "INSERT INTO core.seal SELECT from_seq, 5, recorded_at, customer_id, head, marks FROM core.seal"
        )
    assert unsealed.one("SELECT core.seal('acme', 10)") == 0
    assert unsealed.one("SELECT core.seal('acme', 7)") == 0
    assert unsealed.one("SELECT core.seal('acme', 9999)") == 140


def test_seals_are_never_changed(long: Configuration) -> None:
    long.connection.execute("SET session_replication_role = origin")
    for statement in ("UPDATE core.seal SET to_seq = to_seq", "DELETE FROM core.seal", "TRUNCATE core.seal"):
        with pytest.raises(psycopg.DatabaseError) as caught:
            long.connection.execute(statement)  # type: ignore[arg-type]
        assert caught.value.sqlstate == "UC910", statement


def test_sealing_waits_for_no_gate_and_holds_none(unsealed: Configuration, database_url: str) -> None:
    with psycopg.connect(database_url) as holder, psycopg.connect(database_url) as sealer:
        holder.execute("SELECT FROM core.gate WHERE customer_id = 'acme' FOR UPDATE")
        sealer.execute("SET lock_timeout = '1s'")
        assert sealer.execute("SELECT core.seal('acme')").fetchone() == (150,)
        holder.rollback()
        # Not committed yet, and who decides goes on.
        unsealed.connection.execute("SET lock_timeout = '1s'")
        unsealed.suspend(None, False)
        sealer.rollback()


def test_who_seals_at_once_waits_and_finds_it_done(unsealed: Configuration, database_url: str) -> None:
    with psycopg.connect(database_url) as first, psycopg.connect(database_url, autocommit=True) as second:
        first.execute("SELECT core.seal('acme', 100)")
        done: list[Any] = []

        def seal() -> None:
            try:
                done.append(second.execute("SELECT core.seal('acme')").fetchone()[0])
            except psycopg.Error as error:
                done.append(error)

        waiting = threading.Thread(target=seal)
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
        first.commit()
        waiting.join(10)
        assert done == [50]
    assert verdict(unsealed) == []


def test_seals_under_consumption(unsealed: Configuration, database_url: str) -> None:
    """Three who consume, three who seal: the chain is one, and whole."""
    world = unsealed
    world.catalog("upsert_credit_type", creditType="general")
    world.catalog("upsert_feature", featureId="chat", quantities=["input"], creditTypes=["general"])
    rates = [{"creditType": "general", "quantity": "input", "amount": "0.01"}]
    world.catalog("set_rates", featureId="chat", rates=rates)
    world.suspend(None, False)
    world.change("grant_credits", idempotencyKey="g", creditType="general", amount="1000")
    faults: list[BaseException] = []
    ended = threading.Event()

    def consume(name: str) -> None:
        with psycopg.connect(database_url, autocommit=True) as session:
            for turn in range(60):
                # Every third one is denied.
                amount = "9999999" if turn % 3 == 0 else "2"
                item = {"featureId": "chat", "quantities": [{"name": "input", "amount": amount}]}
                items = [{"idempotencyKey": f"{name}-{turn}-{n}", **item} for n in range(5)]
                session.execute("SELECT FROM api.consume('acme', %s)", (Jsonb(items),))

    def seal() -> None:
        with psycopg.connect(database_url, autocommit=True) as session:
            while not ended.is_set():
                session.execute("SELECT core.seal('acme')")

    def watched(work: Any, *arguments: Any) -> None:
        try:
            work(*arguments)
        except BaseException as fault:
            faults.append(fault)

    consumers = [threading.Thread(target=watched, args=(consume, name)) for name in "abc"]
    sealers = [threading.Thread(target=watched, args=(seal,)) for _ in range(3)]
    for thread in [*consumers, *sealers]:
        thread.start()
    for thread in consumers:
        thread.join()
    ended.set()
    for thread in sealers:
        thread.join()
    assert faults == []
    world.one("SELECT core.seal('acme')")
    assert verdict(world) == []
    looked = dict(world.rows("SELECT check_name, checked FROM api.verify_seals() WHERE checked IS NOT NULL"))
    assert looked["seals"] == world.seq > 700
    assert looked["seal_chain"] > 20
    sealed = "SELECT sum(cardinality(marks)) FROM core.seal"
    last_denials = world.one(
        "SELECT count(*) FROM core.idempotency WHERE NOT allowed AND seq = %s", world.seq
    )
    in_history = """
        SELECT (SELECT count(*) FROM core.change) + (SELECT count(*) FROM core.usage_event)
             + (SELECT count(*) FROM core.ledger_entry) + (SELECT count(*) FROM core.idempotency)
             + (SELECT count(*) FROM core.counter_window) + (SELECT count(*) FROM core.ledger_origin)
    """
    assert world.one(sealed) == world.one(in_history) - last_denials


def test_a_denial_by_itself_is_not_sealed_yet(unsealed: Configuration) -> None:
    unsealed.suspend(None, True)
    unsealed.catalog("upsert_credit_type", creditType="general")
    unsealed.catalog("upsert_feature", featureId="chat", quantities=["input"], creditTypes=["general"])
    unsealed.one("SELECT core.seal('acme')")
    assert not ask(unsealed, "denied", entityIds=[])
    assert unsealed.one("SELECT core.seal('acme')") == 0
    assert verdict(unsealed) == []
