"""Credit types, features and rates: what they take, what they refuse, and that history keeps its meaning."""

import pytest

from tests.sql.configuring import Configuration, small_world


@pytest.fixture
def world(connection) -> Configuration:
    return small_world(connection)


def test_a_credit_type_keeps_its_decimals(world) -> None:
    made = world.catalog("upsert_credit_type", creditType="tokens", decimals=3, displayDecimals=1)
    assert (made["name"], made["decimals"], made["displayDecimals"]) == ("tokens", 3, 1)
    assert world.faults("upsert_credit_type", creditType="tokens", decimals=4) == {("decimals", "IMMUTABLE")}
    renamed = world.catalog("upsert_credit_type", creditType="tokens", name="Tokens")
    assert (renamed["name"], renamed["decimals"], renamed["createdAt"]) == ("Tokens", 3, made["createdAt"])


def test_a_change_that_changes_nothing_makes_no_version(world) -> None:
    before = world.catalog_version
    world.catalog("upsert_credit_type", creditType="general")
    world.catalog("upsert_feature", featureId="chat", quantities=["input", "output"])
    assert world.catalog_version == before
    world.catalog("upsert_feature", featureId="chat", step="2.50")
    assert world.catalog_version == before + 1
    assert world.rows(
        "SELECT kind, subject, actor, before ->> 'step' FROM core.installation_change"
        " ORDER BY recorded_at DESC LIMIT 1"
    ) == [("FEATURE", "chat", "test", "1.000000000")]


def test_a_feature_is_a_new_row_per_version(world) -> None:
    made = world.catalog("upsert_feature", featureId="chat", requestLimits={"input": "1.0"})
    assert made["requestLimits"] == {"input": "1"}
    assert made["quantities"] == ["input", "output"]
    assert world.one("SELECT count(*) FROM core.feature WHERE feature_id = 'chat'") == 2


def test_all_faults_of_a_feature_at_once(world) -> None:
    assert world.faults(
        "upsert_feature",
        featureId="ch at",
        featureType="METRED",
        quantities=["input", "in,put", "input", 7],
        step="1.0000000001",
        dimensions="model",
        requestLimits={"input": "NaN"},
        colour="red",
    ) == {
        ("featureId", "NOT_PLAIN"),
        ("featureType", "UNKNOWN_VALUE"),
        ("quantities[1]", "NOT_PLAIN"),
        ("quantities[2]", "DUPLICATE"),
        ("quantities[3]", "WRONG_TYPE"),
        ("step", "TOO_MANY_DECIMALS"),
        ("dimensions", "WRONG_TYPE"),
        ("requestLimits.input", "NOT_A_NUMBER"),
        ("colour", "UNKNOWN_FIELD"),
    }
    assert world.faults(
        "upsert_feature", featureId="new", step="0", creditTypes=["gold"], requestLimits={"output": 1}
    ) == {("step", "NOT_POSITIVE"), ("creditTypes[0]", "NOT_FOUND"), ("requestLimits", "UNDECLARED")}
    assert world.faults("upsert_feature", featureId="new") == {("creditTypes", "REQUIRED")}


def rate(**fields):
    return {"creditType": "general", "quantity": "input", "amount": "0.002", **fields}


def set_rates(world: Configuration, rates) -> list:
    return world.catalog("set_rates", featureId="chat", rates=rates)["rates"]


def rate_faults(world: Configuration, rates) -> set:
    return world.faults("set_rates", featureId="chat", rates=rates)


def test_what_rates_stand_on_stays(world) -> None:
    set_rates(world, [rate(dimensions={"region": "eu"})])
    assert world.faults("upsert_feature", featureId="chat", quantities=["output"]) == {
        ("quantities", "IN_USE")
    }
    assert world.faults("upsert_feature", featureId="chat", dimensions=["model"]) == {
        ("dimensions", "IN_USE")
    }
    assert world.faults("upsert_feature", featureId="chat", dimensions=["region", "model"]) == {
        ("dimensions", "IN_USE")
    }
    world.catalog(
        "upsert_feature", featureId="chat", dimensions=["size", "region", "model"], quantities=["input"]
    )


def test_rates_are_superseded_and_never_edited(world) -> None:
    first = set_rates(world, [rate(perUnits="1000000")])[0]
    assert (first["amount"], first["perUnits"], first["dimensions"]) == ("0.002", "1000000", {})
    version = world.catalog_version
    set_rates(world, [rate(perUnits=1000000, amount="0.00200")])
    assert world.catalog_version == version
    set_rates(world, [rate(amount="0.003")])
    assert world.catalog_version == version + 1
    assert world.rows("SELECT trim_scale(amount)::text FROM core.rate ORDER BY catalog_version") == [
        ("0.002",),
        ("0.003",),
    ]


def test_specificity_goes_by_the_order_of_the_features_dimensions(world) -> None:
    labels = ({}, {"model": "a"}, {"region": "eu"}, {"model": "a", "region": "eu"})
    set_rates(world, [rate(dimensions=each) for each in labels])
    ordered = world.rows("SELECT dimensions FROM core.rate ORDER BY specificity")
    assert [set(dimensions) for (dimensions,) in ordered] == [
        set(),
        {"region"},
        {"model"},
        {"region", "model"},
    ]


def test_the_one_tie_there_can_be_is_refused(world) -> None:
    at = "2030-01-01T00:00:00Z"
    same = "2030-01-01T01:00:00+01:00"
    assert rate_faults(
        world,
        [
            rate(dimensions={"model": "a"}, effectiveFrom=at),
            rate(dimensions={"model": "b"}, effectiveFrom=at),
            rate(dimensions={"model": "a"}, effectiveFrom=same, amount="1"),
        ],
    ) == {("rates[2]", "AMBIGUOUS")}


def test_all_faults_of_rates_at_once(world) -> None:
    assert rate_faults(
        world,
        [
            rate(amount="1e3"),
            rate(amount="0.0000000000000000001"),
            rate(amount="-1"),
            rate(amount="NaN"),
            rate(amount="1_000"),
            rate(perUnits="1.5"),
            rate(dimensions={"model": 7}),
            rate(dimensions=[{"key": "model", "value": "a"}]),
            rate(effectiveFrom="tomorrow"),
            rate(effectiveFrom="2030-02-30T00:00:00Z"),
            7,
        ],
    ) == {
        ("rates[0].amount", "NOT_A_NUMBER"),
        ("rates[1].amount", "TOO_MANY_DECIMALS"),
        ("rates[2].amount", "NEGATIVE"),
        ("rates[3].amount", "NOT_A_NUMBER"),
        ("rates[4].amount", "NOT_A_NUMBER"),
        ("rates[5].perUnits", "TOO_MANY_DECIMALS"),
        ("rates[6].dimensions", "WRONG_TYPE"),
        ("rates[7].dimensions", "WRONG_TYPE"),
        ("rates[8].effectiveFrom", "NOT_AN_INSTANT"),
        ("rates[9].effectiveFrom", "NOT_AN_INSTANT"),
        ("rates[10]", "NOT_AN_OBJECT"),
    }
    assert rate_faults(
        world,
        [
            rate(quantity="cached"),
            rate(creditType="gold"),
            rate(perUnits="0"),
            rate(dimensions={"colour": "red"}),
        ],
    ) == {
        ("rates[0].quantity", "UNDECLARED"),
        ("rates[1].creditType", "UNDECLARED"),
        ("rates[2].perUnits", "NOT_POSITIVE"),
        ("rates[3].dimensions", "UNDECLARED"),
    }
    assert world.faults("set_rates") == {("featureId", "REQUIRED"), ("rates", "REQUIRED")}
    assert world.faults("set_rates", featureId="none", rates=[]) == {("featureId", "NOT_FOUND")}
