"""Keys that are rotated and revoked, while somebody uses them."""

import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from tests.api.serving import Api
from tests.api.test_administering import mutate

VIEWER = "{ viewer { keyId prefix } }"
KEY = "apiKey { keyId prefix formerSecretUntil revokedAt } secret"


def key_id(api: Api, secret: str) -> str:
    return str(api.data(VIEWER, key=secret)["viewer"]["keyId"])


def rotate(api: Api, which: str, overlap: int, key: str | None = None) -> Any:
    given = {"keyId": which, "overlapSeconds": overlap}
    return mutate(api, "rotateApiKey", "RotateApiKeyInput", KEY, given, key=key)


def works(api: Api, secret: str) -> bool:
    return api.raw('{"query": "{ viewer { keyId } }"}', key=secret).status_code == 200


def stops(api: Api, secret: str) -> None:
    """Within a second, and a little for the machine."""
    deadline = time.monotonic() + 5
    while works(api, secret):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_both_secrets_work_until_the_overlap_ends(api: Api) -> None:
    first = api.make_key(["READ"], kind="SECRET")
    which = key_id(api, first)
    made = rotate(api, which, 3)
    second = made["secret"]
    assert second.startswith("cp_test_sk_")
    assert second.startswith(made["apiKey"]["prefix"])
    assert made["apiKey"]["formerSecretUntil"] is not None
    seen = {secret: api.data(VIEWER, key=secret)["viewer"] for secret in (first, second)}
    assert {viewer["keyId"] for viewer in seen.values()} == {which}
    assert all(secret.startswith(viewer["prefix"]) for secret, viewer in seen.items())
    third = rotate(api, which, 600)["secret"]
    stops(api, first)
    assert works(api, second)
    assert works(api, third)
    row = api.connection.execute("SELECT octet_length(secret_hash) FROM core.former_secret").fetchall()
    assert set(row) == {(32,)}
    assert not api.connection.execute(
        "SELECT FROM core.installation_change WHERE strpos(concat(before, after), %s) > 0",
        (second,),
    ).fetchall()


def test_without_overlap_the_old_one_stops_at_once(api: Api) -> None:
    first = api.make_key(["READ"])
    made = rotate(api, key_id(api, first), 0)
    assert made["apiKey"]["formerSecretUntil"] is None
    assert works(api, made["secret"])
    stops(api, first)


def test_revoking_stops_every_secret(api: Api) -> None:
    first = api.make_key(["READ"])
    which = key_id(api, first)
    second = rotate(api, which, 600)["secret"]
    selection = "apiKey { revokedAt formerSecretUntil }"
    done = mutate(api, "revokeApiKey", "RevokeApiKeyInput", selection, {"keyId": which})
    assert done["apiKey"]["revokedAt"] is not None
    assert done["apiKey"]["formerSecretUntil"] is None
    assert mutate(api, "revokeApiKey", "RevokeApiKeyInput", selection, {"keyId": which}) == done
    stops(api, first)
    stops(api, second)
    refused = rotate(api, which, 0)
    assert (refused["secret"], refused["userErrors"][0]["code"]) == (None, "REVOKED")


def test_what_is_wrong_with_a_rotation(api: Api) -> None:
    refused = rotate(api, "none", 2_592_001)
    assert {(e["field"], e["code"]) for e in refused["userErrors"]} == {
        ("keyId", "NOT_FOUND"),
        ("overlapSeconds", "TOO_LARGE"),
    }
    negative = rotate(api, key_id(api, api.make_key([])), -1)
    assert [(e["field"], e["code"]) for e in negative["userErrors"]] == [("overlapSeconds", "NEGATIVE")]
    done = mutate(api, "revokeApiKey", "RevokeApiKeyInput", "apiKey { id }", {"keyId": ""})
    assert [(e["field"], e["code"]) for e in done["userErrors"]] == [("keyId", "EMPTY")]


@pytest.mark.parametrize(
    ("own", "observed", "says"), [(["KEYS"], False, "READ"), (["KEYS", "READ"], True, "observed")]
)
def test_nobody_gets_a_secret_that_may_more_than_his_own(
    api: Api, own: list[str], observed: bool, says: str
) -> None:
    which = key_id(api, api.make_key(["READ"]))
    key = api.make_key(own, observe=observed)
    query = "mutation ($i: RotateApiKeyInput!) { rotateApiKey(input: $i) { secret } }"
    given = {"keyId": which, "overlapSeconds": 0}
    answer = api.post(query, {"i": given}, key=key)
    [error] = answer["errors"]
    assert error["extensions"] == {"code": "FORBIDDEN", "field": "input.keyId"}
    assert says in error["message"]


def test_what_a_key_makes_ends_when_it_does(api: Api) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    own = api.make_key(expires_at=soon)
    query = "mutation ($i: CreateApiKeyInput!) { createApiKey(input: $i) { secret } }"
    for ends in (None, (soon + timedelta(seconds=1)).isoformat()):
        given = {"kind": "SECRET", "name": "n", "scopes": ["READ"], "expiresAt": ends}
        refused = api.error(query, {"i": given}, key=own)
        assert refused == {"code": "FORBIDDEN", "field": "input.expiresAt"}
    offset = soon.astimezone(timezone(timedelta(hours=-9))).isoformat()
    given = {"kind": "SECRET", "name": "n", "scopes": ["READ"], "expiresAt": offset}
    assert works(api, api.data(query, {"i": given}, key=own)["createApiKey"]["secret"])


def test_a_secret_that_ends_gets_none_that_does_not(api: Api) -> None:
    """Of a rotation because the secret is known to others: they must not rotate it on."""
    known_to_others = api.make_key()
    which = key_id(api, known_to_others)
    new = rotate(api, which, 600)["secret"]
    time.sleep(1.1)  # what is known of a key is believed for a second
    query = "mutation ($i: RotateApiKeyInput!) { rotateApiKey(input: $i) { secret } }"
    given = {"keyId": which, "overlapSeconds": 600}
    assert api.error(query, {"i": given}, key=known_to_others) == {
        "code": "FORBIDDEN",
        "field": "input.keyId",
    }
    assert works(api, rotate(api, which, 600, key=new)["secret"])
    ends = api.make_key(expires_at=datetime.now(UTC) + timedelta(hours=1))
    assert works(api, rotate(api, key_id(api, ends), 0, key=ends)["secret"])


def test_a_bound_key_rotates_its_own(api: Api) -> None:
    customer = api.customer()
    own = api.make_key(customer=customer)
    made = rotate(api, key_id(api, own), 600, key=own)
    assert works(api, made["secret"])
    assert works(api, own)


def test_keys_need_their_scope(api: Api) -> None:
    key = api.make_key(["READ", "CUSTOMERS"])
    for name, given in (
        ("rotateApiKey", {"keyId": "k", "overlapSeconds": 0}),
        ("revokeApiKey", {"keyId": "k"}),
    ):
        kind = name[0].upper() + name[1:] + "Input"
        query = f"mutation ($i: {kind}!) {{ {name}(input: $i) {{ userErrors {{ code }} }} }}"
        assert api.error(query, {"i": given}, key=key) == {"code": "FORBIDDEN", "scope": "KEYS"}
