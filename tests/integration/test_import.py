"""``controlplane import`` as its users run it: three files, again, changed, broken, and tried dry."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.commands import controlplane, environment
from tests.imports import imported, is_verified, state, written
from tests.sql.configuring import Configuration

CUSTOMERS = (
    "customerId,name,observe,suspended,unknownEntity.policy,unknownEntity.type,overdraftLimit.general,metadata.region",
    'acme,"Acme, Ltd",true,,,,25.5,eu',
    "globex,Globex,false,true,CREATE,user,,us",
    "initech,,,,,,,",
)
ENTITIES = (
    "customerId,entityId,type,parentId,name,metadata",
    "acme,ada,user,research,Ada,",
    'acme,research,team,,,"{""floor"": 3}"',
    "globex,ada,user,,,",
)
BALANCES = (
    "customerId,entityId,creditType,amount,kind,priority,effectiveAt,expiresAt,costBasis,currency,source,features,reference",
    "acme,,general,2500.5,,,,2100-01-01T00:00:00Z,0.01,USD,old system,,invoice-17",
    "acme,ada,general,0.000001,PROMOTIONAL,10,,,,,,chat,welcome",
    "acme,ada,promo,7,RECURRING,,2099-01-01T00:00:00+02:00,,,,,,next",
    "globex,,general,99999999999999999999.999999,ADJUSTMENT,,,,,,,,large",
    "initech,,general,12,,,,,,,,,",
)


@pytest.fixture
def catalog(connection: psycopg.Connection) -> Configuration:
    world = Configuration(connection)
    world.catalog("upsert_credit_type", creditType="general")
    world.catalog("upsert_credit_type", creditType="promo", decimals=0)
    world.catalog("upsert_feature", featureId="chat", creditTypes=["promo", "general"], quantities=["input"])
    world.catalog(
        "set_rates",
        featureId="chat",
        rates=[{"creditType": "general", "quantity": "input", "amount": "1", "perUnits": "1"}],
    )
    return world


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    rows = {"customers": CUSTOMERS, "entities": ENTITIES, "balances": BALANCES}
    return {kind: written(tmp_path, f"{kind}.csv", lines) for kind, lines in rows.items()}


def test_three_files_and_the_same_again(
    catalog: Configuration, files: dict[str, Path], database_url: str
) -> None:
    for kind, rows in (("customers", 3), ("entities", 3), ("balances", 5)):
        before = state(catalog.connection)
        dry = imported(kind, files[kind], database_url, "--dry-run")
        assert (dry.status, dry.counts, dry.outcome["tied"]) == (0, (rows, 0, 0, 0), True)
        assert state(catalog.connection) == before

        first = imported(kind, files[kind], database_url)
        assert (first.status, first.counts, first.codes) == (0, (rows, 0, 0, 0), [])
        assert first.outcome["credits"] == dry.outcome["credits"]

        before = state(catalog.connection)
        for options in ((), ("--dry-run",)):
            again = imported(kind, files[kind], database_url, *options)
            assert (again.status, again.counts, again.outcome["tied"]) == (0, (0, 0, rows, 0), True)
            assert again.outcome["credits"] == first.outcome["credits"]
            assert state(catalog.connection) == before
    assert first.outcome["credits"] == [
        {
            "creditType": "general",
            "inFile": "100000000000000002512.5",
            "refused": "0",
            "notSent": "0",
            "granted": "100000000000000002512.5",
            "difference": "0",
        },
        {
            "creditType": "promo",
            "inFile": "7",
            "refused": "0",
            "notSent": "0",
            "granted": "7",
            "difference": "0",
        },
    ]
    assert "1 rows have no reference" in first.stderr
    assert is_verified(database_url)
    for customer in ("acme", "globex", "initech"):
        Configuration(catalog.connection, customer).history_is_whole()


def test_what_stands_there_afterwards(
    catalog: Configuration, files: dict[str, Path], database_url: str
) -> None:
    for kind, file in files.items():
        assert imported(kind, file, database_url).status == 0
    assert catalog.rows(
        "SELECT c.customer_id, name, metadata, observe, is_suspended, unknown_entity, unknown_type"
        " FROM core.customer AS c JOIN core.gate AS g USING (customer_id) ORDER BY 1"
    ) == [
        ("acme", "Acme, Ltd", {"region": "eu"}, True, False, "DENY", None),
        ("globex", "Globex", {"region": "us"}, False, True, "CREATE", "user"),
        ("initech", None, {}, False, False, "DENY", None),
    ]
    assert catalog.rows(
        "SELECT customer_id, entity_id, path_types, metadata FROM core.entity"
        " WHERE entity_no > 0 ORDER BY 1, 2"
    ) == [
        ("acme", "ada", ["user", "team", "customer"], {}),
        ("acme", "research", ["team", "customer"], {"floor": 3}),
        ("globex", "ada", ["user", "customer"], {}),
    ]
    assert catalog.rows(
        "SELECT wallet_id, trim_scale(amount)::text, grant_kind, priority,"
        " extract(year FROM effective_at) > 2090, expires_at < 'infinity', trim_scale(cost_basis)::text,"
        " currency, source, features"
        " FROM core.credit_grant AS g JOIN core.wallet USING (customer_id, wallet_no)"
        " WHERE g.customer_id = 'acme' ORDER BY grant_no"
    ) == [
        ("customer:general", "2500.5", "PAID", 50, False, True, "0.01", "USD", "old system", None),
        ("ada:general", "0.000001", "PROMOTIONAL", 10, False, False, None, None, None, ["chat"]),
        ("ada:promo", "7", "RECURRING", 50, True, False, None, None, None, None),
    ]
    assert (
        catalog.one("SELECT trim_scale(overdraft_limit)::text FROM core.wallet WHERE wallet_no = 1") == "25.5"
    )
    assert catalog.one("SELECT count(*) FROM core.change WHERE actor <> 'import'") == 0


def test_changed_rows(
    catalog: Configuration, files: dict[str, Path], tmp_path: Path, database_url: str
) -> None:
    for kind, file in files.items():
        assert imported(kind, file, database_url).status == 0
    changed = written(tmp_path, "c.csv", ["customerId,observe", "acme,false", "globex,false", "new,true"])
    assert imported("customers", changed, database_url).counts == (1, 1, 1, 0)
    assert catalog.one("SELECT name FROM core.customer WHERE customer_id = 'acme'") == "Acme, Ltd"
    changed = written(
        tmp_path,
        "e.jsonl",
        [
            '{"customerId": "acme", "entityId": "ada", "parentId": null, "name": "A"}',
            '{"customerId": "acme", "entityId": "research", "type": "group"}',
        ],
    )
    done = imported("entities", changed, database_url)
    assert (done.status, done.counts) == (1, (0, 1, 0, 1))
    assert done.codes == [(2, "type", "IMMUTABLE")]

    before = state(catalog.connection)
    rows = [line.replace("2500.5,", "2600.5,").replace("0.000001", "0.000002") for line in BALANCES]
    done = imported("balances", written(tmp_path, "b.csv", rows), database_url)
    assert (done.status, done.counts) == (1, (0, 0, 3, 2))
    assert done.codes == [(2, "amount", "IDEMPOTENCY_CONFLICT"), (3, "amount", "IDEMPOTENCY_CONFLICT")]
    assert (done.outcome["tied"], done.outcome["credits"][0]["refused"]) == (True, "2600.500002")
    # A row without a reference is the same grant with another amount, and no second one.
    rows = [line.replace(",12,", ",13,") for line in BALANCES]
    done = imported("balances", written(tmp_path, "b.csv", rows), database_url)
    assert done.codes == [(6, "amount", "IDEMPOTENCY_CONFLICT")]
    assert state(catalog.connection) == before
    assert is_verified(database_url)


def test_bad_rows_are_listed_and_the_others_stand(
    catalog: Configuration, files: dict[str, Path], tmp_path: Path, database_url: str
) -> None:
    customers = tmp_path / "bad.csv"
    customers.write_bytes(
        b"customerId,metadata.note,observe,overdraftLimit.promo,overdraftLimit.none\n"
        b'one,"A\nB",,,\n'
        b"two,x,perhaps,,\n"
        b"three,x,,0.5,1\n" + b"four," + b"y" * 10_000_000 + b",,,\n" + b"five,\xff\xfe\x00,,,\n"
        b"six,x\x00,,,\n"
        b'seven,"x,,,\n'
        b"eight,x\n"
        b"one,again,,,\n" + b"n" * 129 + b",,,,\n"
        b"ten,x,true,1,\n"
    )
    expected = [
        (4, "observe", "WRONG_TYPE"),
        (5, "overdraftLimit.promo", "TOO_MANY_DECIMALS"),
        (5, "overdraftLimit.none", "NOT_FOUND"),
        (6, "", "TOO_LONG"),
        (7, "", "NOT_UTF8"),
        (8, "metadata.note", "NOT_STORABLE"),
        (9, "", "NOT_CSV"),
        (10, "", "WRONG_COLUMNS"),
        (11, "customerId", "DUPLICATE"),
        (12, "customerId", "TOO_LONG"),
    ]
    for options, created in ((("--dry-run",), 0), ((), 2)):
        done = imported("customers", customers, database_url, *options)
        assert (done.status, done.counts) == (1, (2, 0, 0, 9))
        assert done.codes == expected
        assert catalog.one("SELECT count(*) FROM core.gate") == created
    assert catalog.rows("SELECT metadata ->> 'note' FROM core.customer ORDER BY 1") == [("A\nB",), ("x",)]

    rows = [
        '{"customerId": "ten", "entityId": "a", "type": "team", "parentId": "b"}',
        '{"customerId": "ten", "entityId": "b", "type": "team", "parentId": "a"}',
        '{"customerId": "ten", "entityId": "c", "type": "team", "parentId": "a"}',
        '{"customerId": "ten", "entityId": "d", "type": "user", "parentId": "e"}',
        '{"customerId": "ten", "entityId": "e", "type": "team", "parentId": "nobody"}',
        '{"customerId": "none", "entityId": "e", "type": "team"}',
        '{"customerId": "ten", "entityId": "f", "type": "customer"}',
        '{"customerId": "ten", "entityId": "g", "colour": "red", "type": "team"}',
        '{"customerId": "ten", "entityId": "h", "type": "team", "metadata": [1]}',
        '{"customerId": "ten", "entityId": "i", "type": "team"}',
        '{"customerId": "ten", "entityId": "i", "type": "team"}',
    ]
    expected = [
        (1, "parentId", "CYCLE"),
        (2, "parentId", "CYCLE"),
        (3, "parentId", "NOT_FOUND"),
        (4, "parentId", "NOT_FOUND"),
        (5, "parentId", "NOT_FOUND"),
        (6, "customerId", "NOT_FOUND"),
        (7, "type", "RESERVED"),
        (8, "colour", "UNKNOWN_COLUMN"),
        (9, "metadata", "WRONG_TYPE"),
        (11, "entityId", "DUPLICATE"),
    ]
    entities = written(tmp_path, "bad.ndjson", rows)
    for options in (("--dry-run",), ()):
        done = imported("entities", entities, database_url, *options)
        assert (done.status, done.counts) == (1, (1, 0, 0, 10))
        assert done.codes == expected

    grants = [
        "customerId,creditType,amount,kind,priority,effectiveAt,expiresAt,currency,features,costBasis,reference",
        "ten,promo,0.5,,,,,,,,1",
        "ten,general,NaN,,,,,,,,2",
        "ten,general,Infinity,,,,,,,,3",
        "ten,general,1e3,,,,,,,,4",
        "ten,general,-1,,,,,,,,5",
        "ten,general,0,,,,,,,,6",
        "ten,general,99999999999999999999999999999999,,,,,,,,7",
        "ten,general,1,GIFT,,,,,,,8",
        "ten,general,1,,101,,,,,,9",
        "ten,general,1,,,2026-01-01,,,,,10",
        "ten,general,1,,,,2020-01-01T00:00:00Z,,,,11",
        "ten,general,1,,,,,dollars,,1,12",
        "ten,general,1,,,,,,chat image,,13",
        "ten,nothing,1,,,,,,,,14",
        "ten,general,1,,,,,,,0.0000000001,15",
        "ten,general,1,,,,,,,," + "r" * 256,
        "ten,general,1,,,,,,,,17",
        "ten,general,1,,,,,,,,17",
        "ten,,1,,,,,,,,18",
    ]
    done = imported("balances", written(tmp_path, "bad2.csv", grants), database_url)
    assert (done.status, done.counts, done.outcome["tied"]) == (1, (1, 0, 0, 18), True)
    assert [(line, field, code) for line, field, code in done.codes] == [
        (2, "amount", "TOO_MANY_DECIMALS"),
        (3, "amount", "NOT_A_NUMBER"),
        (4, "amount", "NOT_A_NUMBER"),
        (5, "amount", "NOT_A_NUMBER"),
        (6, "amount", "NEGATIVE"),
        (7, "amount", "NOT_POSITIVE"),
        (8, "amount", "TOO_LARGE"),
        (9, "kind", "UNKNOWN_VALUE"),
        (10, "priority", "TOO_LARGE"),
        (11, "effectiveAt", "NOT_AN_INSTANT"),
        (12, "expiresAt", "TOO_EARLY"),
        (13, "currency", "NOT_A_CURRENCY"),
        (14, "features[1]", "NOT_FOUND"),
        (15, "creditType", "NOT_FOUND"),
        (16, "costBasis", "TOO_MANY_DECIMALS"),
        (17, "reference", "TOO_LONG"),
        (19, "reference", "DUPLICATE"),
        (20, "creditType", "REQUIRED"),
    ]
    assert is_verified(database_url)


def test_a_deep_tree_of_many_calls_is_tried_dry(
    catalog: Configuration, tmp_path: Path, database_url: str
) -> None:
    """Children far from their parents, in the file and in the calls."""
    catalog.change("upsert_customer")
    levels = [f"acme,n{level},team,{f'n{level - 1}' if level else ''}" for level in range(16)]
    rows = [*(f"acme,u{number},user,n{number % 15}" for number in range(200)), *reversed(levels)]
    file = written(tmp_path, "deep.csv", ["customerId,entityId,type,parentId", *rows, "acme,x,user,n15"])
    before = state(catalog.connection)
    dry = imported("entities", file, database_url, "--dry-run")
    assert state(catalog.connection) == before
    done = imported("entities", file, database_url)
    for each in (dry, done):
        assert (each.counts, each.codes) == ((216, 0, 0, 1), [(218, "parentId", "TOO_DEEP")])
    assert imported("entities", file, database_url, "--dry-run").counts == (0, 0, 216, 1)
    catalog.history_is_whole()


def test_what_people_see(
    catalog: Configuration, files: dict[str, Path], tmp_path: Path, database_url: str
) -> None:
    env = {"CONTROLPLANE_DATABASE_URL": database_url}
    for kind in ("customers", "entities"):
        done = controlplane("import", kind, str(files[kind]), env=env)
        assert done.returncode == 0, done.stderr
        assert f"{kind}: 3 of 3" in done.stderr
    rows = [*BALANCES, *("acme,,general,\x1b[31m,,,,,,,,,[b]bad" for _ in range(25))]
    done = controlplane("import", "balances", str(written(tmp_path, "b.csv", rows)), env=env)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith("line 7: amount: must be digits")
    assert lines[0].endswith("[NOT_A_NUMBER]")
    assert lines[1].startswith("line 8: reference: stands on line 7 too")
    assert "5 more are refused: --errors FILE lists them all" in lines
    assert "\x1b" not in done.stdout
    told = [" ".join(line.split()) for line in lines]
    for line in (
        "rows 30 balances",
        "created 5",
        "refused 25",
        "general 100,000,000,000,000,002,512.5 in the file",
        "100,000,000,000,000,002,512.5 in the ledger",
        "0 difference",
        "not counted 25 amounts cannot be read",
    ):
        assert line in told, done.stdout
    done = controlplane("import", "balances", str(files["balances"]), "--dry-run", env=env)
    assert "would be unchanged 5" in [" ".join(line.split()) for line in done.stdout.splitlines()]


def test_standard_input_and_its_format(database_url: str, tmp_path: Path) -> None:
    def run(*options: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "controlplane", "import", "customers", "-", *options],
            input='{"customerId": "acme"}\n',
            env=environment({"CONTROLPLANE_DATABASE_URL": database_url}),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    done = run()
    assert (done.returncode, "--format" in done.stderr) == (2, True)
    done = run("--format", "jsonl", "--json")
    assert (done.returncode, json.loads(done.stdout)["created"]) == (0, 1), done.stderr


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("e.csv", "", "is empty"),
        ("e.csv", "customerId,nmae\n", "unknown column 'nmae'"),
        ("e.txt", "customerId\n", "--format"),
    ],
)
def test_files_that_are_refused_as_a_whole(
    database_url: str, tmp_path: Path, name: str, text: str, says: str
) -> None:
    (tmp_path / name).write_text(text)
    done = controlplane(
        "import", "customers", str(tmp_path / name), env={"CONTROLPLANE_DATABASE_URL": database_url}
    )
    assert done.returncode in (1, 2)
    assert says in done.stderr
    assert done.stdout == ""


def test_where_nothing_can_be_imported(files: dict[str, Path], tmp_path: Path, empty_url: str) -> None:
    file = str(files["customers"])
    for env, says in (
        ({"CONTROLPLANE_DATABASE_URL": empty_url}, "controlplane migrate"),
        ({"CONTROLPLANE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, "cannot be reached"),
        ({"CONTROLPLANE_DATA_DIR": str(tmp_path / "none")}, "controlplane up"),
    ):
        done = controlplane("import", "customers", file, env=env)
        assert (done.returncode, says in done.stderr) == (1, True), done.stderr
    done = controlplane("import", "customers", str(tmp_path / "none.csv"), env=env)
    assert (done.returncode, "cannot read" in done.stderr) == (1, True)
    done = controlplane("import", "customers", file, "--errors", file, env=env)
    assert (done.returncode, "write over" in done.stderr) == (2, True)
    assert files["customers"].read_text().startswith("customerId")


def test_help_teaches_with_an_example(catalog: Configuration, tmp_path: Path, database_url: str) -> None:
    """Which can be typed as it stands, in this order."""
    catalog.catalog("upsert_credit_type", creditType="credits")
    for kind in ("customers", "entities", "balances"):
        text = controlplane("import", kind, "--help").stdout
        assert f"controlplane import {kind} {kind}.csv --dry-run" in text
        _, _, example = text.partition(f"Example: {kind}.csv\n")
        lines = [line.strip() for line in example.partition("\n\n")[0].splitlines()]
        assert len(lines) >= 2
        done = imported(kind, written(tmp_path, f"{kind}.csv", lines), database_url)
        assert (done.status, done.codes) == (0, [])


def test_an_existing_product_switches_over_without_fear(
    catalog: Configuration, tmp_path: Path, database_url: str
) -> None:
    """Observed at first: what does not fit is told and let through; enforced by the same file again."""

    def consume(key: str) -> Any:
        item = {
            "idempotencyKey": key,
            "featureId": "chat",
            "quantities": [{"name": "input", "amount": "8"}],
            "entityIds": ["ada"],
        }
        return catalog.rows(
            "SELECT allowed, reason, would_allow, answer FROM api.consume('acme', %s)", Jsonb([item])
        )[0]

    lines = ["customerId,observe", "acme,true"]
    assert imported("customers", written(tmp_path, "c.csv", lines), database_url).status == 0
    file = written(tmp_path, "e.csv", ["customerId,entityId,type", "acme,ada,user"])
    assert imported("entities", file, database_url).status == 0
    file = written(tmp_path, "b.csv", ["customerId,creditType,amount,reference", "acme,general,10,r"])
    assert imported("balances", file, database_url).status == 0

    fits, does_not = consume("1"), consume("2")
    assert fits[:3] == (True, None, True)
    assert does_not[:3] == (True, "INSUFFICIENT_CREDITS", False)
    assert does_not[3]["shortfall"] == {"general": "6"}

    lines = ["customerId,observe", "acme,false"]
    assert imported("customers", written(tmp_path, "c.csv", lines), database_url).counts == (0, 1, 0, 0)
    assert consume("3")[:2] == (False, "INSUFFICIENT_CREDITS")
    assert is_verified(database_url)
