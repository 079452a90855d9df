"""What HTTP says before and around GraphQL."""

import json

import pytest

from controlplane.db.keys import hash_of
from controlplane.http.endpoint import CLASSIC, LARGEST_BODY, MODERN
from tests.api.serving import Api, asked, serving

VIEWER = json.dumps({"query": "{ viewer { keyId kind customerId environment scopes } }"})


def code_of(answer: object) -> str:
    return answer.json()["errors"][0]["extensions"]["code"]  # type: ignore[attr-defined]


def test_viewer(api: Api) -> None:
    answer = api.raw(VIEWER)
    assert answer.status_code == 200
    assert answer.json()["data"]["viewer"]["environment"] == "TEST"


@pytest.mark.parametrize(
    ("accept", "media", "status"),
    [
        ("*/*", CLASSIC, 200),
        ("application/json", CLASSIC, 200),
        ("application/graphql-response+json", MODERN, 200),
        ("application/graphql-response+json, application/json;q=0.9", MODERN, 200),
        ("text/event-stream, application/json", CLASSIC, 200),
        ("text/html", CLASSIC, 406),
    ],
)
def test_media_type(api: Api, accept: str, media: str, status: int) -> None:
    answer = api.raw(VIEWER, accept=accept)
    assert (answer.status_code, answer.headers["content-type"]) == (status, f"{media}; charset=utf-8")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { viewer { name } } query B { viewer { name } }", "OPERATION_NAME_NEEDED"),
        ("fragment F on Viewer { name }", "GRAPHQL_VALIDATION_FAILED"),
        ("query ($a: Int!) { features(first: $a) { nodes { name } } }", "BAD_USER_INPUT"),
    ],
)
def test_what_was_not_executed_has_no_data(api: Api, query: str, code: str) -> None:
    body = json.dumps({"query": query})
    modern, classic = api.raw(body, accept=MODERN), api.raw(body, accept=CLASSIC)
    assert (modern.status_code, classic.status_code) == (400, 200)
    assert code_of(modern) == code_of(classic) == code
    assert "data" not in modern.json()
    assert "data" not in classic.json()


def test_the_named_operation_runs(api: Api) -> None:
    query = "query A { viewer { name } } query B { viewer { kind } }"
    assert api.raw(json.dumps({"query": query, "operationName": "B"})).json() == {
        "data": {"viewer": {"kind": "ADMIN"}}
    }
    missing = api.raw(json.dumps({"query": query, "operationName": "C"}))
    assert (missing.status_code, code_of(missing)) == (400, "BAD_REQUEST")


@pytest.mark.parametrize("name", ["variables", "extensions"])
def test_a_query_string_that_is_no_json(api: Api, name: str) -> None:
    asked = {"query": "{ viewer { name } }", name: "{"}
    headers = {"authorization": f"Bearer {api.key}"}
    answer = api.client.get(f"{api.url}/graphql", params=asked, headers=headers)
    assert (answer.status_code, code_of(answer)) == (400, "BAD_REQUEST")
    assert name in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b'{"query": 7}',
        b'{"query": "{ viewer { name } }", "variables": []}',
        b'{"query": "{ viewer { name } }", "variables": {"a": NaN}}',
        b'{"query": "{ viewer { name } }", "extensions": 1}',
        b'{"query": "{ viewer { name } }", "operationName": {}}',
        b'{"query": "\xff"}',
        b'{"query": ' + b"[" * 100_000,
        b'{"query": 1' + b"0" * 10_000 + b"}",
        b"{}",
        b'[{"query": "{ viewer { name } }"}]',
    ],
    ids=range(15),
)
def test_malformed_body(api: Api, body: bytes) -> None:
    answer = api.raw(body)
    assert (answer.status_code, code_of(answer)) == (400, "BAD_REQUEST")


def test_other_media_types_of_bodies(api: Api) -> None:
    for kind in ("text/plain", "multipart/form-data; boundary=x", "application/json; charset=utf-16"):
        answer = api.raw(VIEWER, content_type=kind)
        assert (answer.status_code, code_of(answer)) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert api.raw(VIEWER, content_type="Application/JSON; charset=UTF-8").status_code == 200


def test_methods(api: Api) -> None:
    headers = {"authorization": f"Bearer {api.key}"}
    url = f"{api.url}/graphql"
    got = api.client.get(url, params={"query": "{ viewer { kind } }"}, headers=headers)
    assert got.json() == {"data": {"viewer": {"kind": "ADMIN"}}}
    changing = api.client.get(url, params={"query": "mutation { __typename }"}, headers=headers)
    assert (changing.status_code, changing.headers["allow"]) == (405, "POST")
    other = api.client.put(url, headers=headers)
    assert (other.status_code, other.headers["allow"]) == (405, "GET, POST")
    assert api.client.get(url, headers=headers).status_code == 400
    assert api.client.get(url, headers={**headers, "accept": "text/html"}).status_code == 406


def test_too_large_a_body(api: Api) -> None:
    large = json.dumps({"query": "{ viewer { name } }", "variables": {"a": "x" * LARGEST_BODY}}).encode()
    answer = api.raw(large)
    assert (answer.status_code, code_of(answer)) == (413, "TOO_LARGE")

    def drip() -> object:
        for start in range(0, len(large), 65536):
            yield large[start : start + 65536]

    headers = {"authorization": f"Bearer {api.key}", "content-type": "application/json"}
    dripped = api.client.post(f"{api.url}/graphql", content=drip(), headers=headers)
    assert (dripped.status_code, code_of(dripped)) == (413, "TOO_LARGE")


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "UNAUTHENTICATED"),
        ("Bearer", "UNAUTHENTICATED"),
        ("Basic abc", "UNAUTHENTICATED"),
        ("Bearer cp_test_sk_" + "0" * 48, "UNAUTHENTICATED"),
        ("Bearer nonsense", "UNAUTHENTICATED"),
        ("Bearer cp_live_sk_" + "0" * 48, "WRONG_ENVIRONMENT"),
    ],
)
def test_without_a_good_key(api: Api, header: str, code: str) -> None:
    answer = api.raw(VIEWER, authorization=header)
    assert (answer.status_code, code_of(answer)) == (401, code)
    assert answer.headers["www-authenticate"] == "Bearer"


def test_revoked_and_expired_keys(api: Api) -> None:
    revoked, expired = api.make_key(), api.make_key()
    for key, column in ((revoked, "revoked_at"), (expired, "expires_at")):
        api.connection.execute(
            f"UPDATE core.api_key SET {column} = now() - interval '1 s' WHERE secret_hash = %s",
            (hash_of(key),),
        )
        answer = api.raw(VIEWER, key=key)
        assert (answer.status_code, code_of(answer)) == (401, "UNAUTHENTICATED")


def test_limits_of_documents(api: Api) -> None:
    def of(query: str) -> str:
        return str(api.error(query)["code"])

    assert of("{" + "a{" * 20 + "b" + "}" * 21) == "TOO_COMPLEX"
    assert of("{" + " ".join(f"a{n}: viewer {{ name }}" for n in range(60)) + "}") == "TOO_COMPLEX"
    assert of("{ viewer { " + "name " * 6000 + "} }") == "GRAPHQL_PARSE_FAILED"
    assert of("{" * 2400) == "GRAPHQL_PARSE_FAILED"
    bomb = " ".join(f"fragment F{n} on Viewer {{ ...F{n + 1} ...F{n + 1} }}" for n in range(60))
    assert of("{ viewer { ...F0 } } " + bomb + " fragment F60 on Viewer { name }") == "TOO_COMPLEX"
    assert of("{ viewer { ...A } } fragment A on Viewer { ...A }") == "GRAPHQL_VALIDATION_FAILED"


def test_introspection_passes_the_limits(api: Api) -> None:
    from graphql import build_client_schema, get_introspection_query

    found = api.data(get_introspection_query(input_value_deprecation=True, specified_by_url=True))
    assert build_client_schema(found).get_type("Decision") is not None


def test_no_cors_unless_set(api: Api) -> None:
    headers = {"origin": "https://app.example", "access-control-request-method": "POST"}
    answer = api.client.options(f"{api.url}/graphql", headers=headers)
    assert "access-control-allow-origin" not in answer.headers


def test_health_and_metrics(api: Api) -> None:
    api.consume(api.customer())
    assert api.client.get(f"{api.url}/healthz").text == "ok\n"
    assert api.client.get(f"{api.url}/readyz").json() == {"ready": True}
    figures = api.client.get(f"{api.url}/metrics").text
    assert 'controlplane_decisions_total{operation="consume",reason="ALLOWED"}' in figures
    assert 'controlplane_graphql_operation_seconds_count{kind="mutation",outcome="ok"}' in figures


def test_faults_are_masked(api: Api) -> None:
    customer = api.customer()
    api.connection.execute("ALTER TABLE core.usage_event RENAME TO hidden")
    try:
        extensions = api.error(
            "query ($c: ID!) { usageEvents(customerId: $c) { nodes { seq } } }", {"c": customer}
        )
    finally:
        api.connection.execute("ALTER TABLE core.hidden RENAME TO usage_event")
    assert extensions["code"] == "INTERNAL"
    assert len(extensions["id"]) == 32


def test_last_used_is_written_when_the_server_stops(api: Api) -> None:
    key = api.make_key()
    with serving(api.login) as address:
        answer = api.client.post(
            f"{address}/graphql",
            content=VIEWER,
            headers={"authorization": f"Bearer {key}", "content-type": "application/json"},
        )
        assert answer.status_code == 200
    row = api.connection.execute(
        "SELECT last_used_at > now() - interval '1 minute' FROM core.api_key WHERE secret_hash = %s",
        (hash_of(key),),
    ).fetchone()
    assert row == (True,)


def test_asked_is_what_it_says() -> None:
    assert asked("c", quantities=None).keys() == {"idempotencyKey", "customerId", "featureId"}
