"""``controlplane keys`` as its users run it: what it makes opens the API, until it is revoked."""

import json
import time
from pathlib import Path

import httpx

from tests.api.serving import serving
from tests.commands import Up, controlplane
from tests.servers import ROLE_PREFIX, Server

VIEWER = {"query": "{ viewer { name kind customerId scopes environment } }"}


def ask(url: str, secret: str) -> httpx.Response:
    return httpx.post(
        f"{url}/graphql", json=VIEWER, headers={"Authorization": f"Bearer {secret}"}, timeout=10
    )


def test_a_key_from_its_making_to_its_end(server: Server, database_url: str) -> None:
    env = {"CONTROLPLANE_DATABASE_URL": database_url, "CONTROLPLANE_ROLE_PREFIX": ROLE_PREFIX}
    made = controlplane("keys", "create", "ops", "--kind", "admin", env=env)
    backend = controlplane("keys", "create", "backend", "--scope", "consume", "--days", "9", env=env)
    assert (made.returncode, backend.returncode) == (0, 0), made.stderr + backend.stderr
    with serving(server.url(database_url, user=f"{ROLE_PREFIX}_app")) as url:
        viewer = ask(url, made.stdout.strip()).json()["data"]["viewer"]
        assert (viewer["name"], viewer["kind"], viewer["environment"]) == ("ops", "ADMIN", "TEST")
        assert {"KEYS", "CATALOG", "GRANT"} <= set(viewer["scopes"])
        viewer = ask(url, backend.stdout.strip()).json()["data"]["viewer"]
        assert (viewer["kind"], viewer["scopes"]) == ("SECRET", ["CONSUME"])

        listed = controlplane("keys", "list", "--json", env=env)
        [key] = [each for each in json.loads(listed.stdout) if each["name"] == "backend"]
        assert backend.stdout.strip() not in listed.stdout
        rotated = controlplane("keys", "rotate", key["keyId"], "--overlap", "600", env=env)
        assert rotated.returncode == 0, rotated.stderr
        assert ask(url, rotated.stdout.strip()).json()["data"]["viewer"]["name"] == "backend"
        assert ask(url, backend.stdout.strip()).status_code == 200
        revoked = controlplane("keys", "revoke", key["keyId"], env=env)
        assert revoked.returncode == 0, revoked.stderr
        deadline = time.monotonic() + 10
        while ask(url, backend.stdout.strip()).status_code != 401:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert ask(url, made.stdout.strip()).status_code == 200
    lines = controlplane("keys", "list", env=env).stdout.splitlines()
    assert sorted("  revoked  used" in line for line in lines) == [False, True]


def test_what_is_refused(database_url: str, empty_url: str) -> None:
    env = {"CONTROLPLANE_DATABASE_URL": database_url, "CONTROLPLANE_ROLE_PREFIX": ROLE_PREFIX}
    for arguments, told in (
        (("create", "x", "--customer", "nobody"), "customerId: there is no such customer"),
        (("create", ""), "name: must not be empty"),
        (("revoke", "nothing"), "keyId: there is no such key"),
        (("rotate", "nothing", "--overlap", "0"), "keyId: there is no such key"),
    ):
        done = controlplane("keys", *arguments, env=env)
        assert (done.returncode, done.stdout) == (1, "")
        assert told in done.stderr
    assert controlplane("keys", "list", env=env).stdout == ""
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    done = controlplane("keys", "list", env={**env, "CONTROLPLANE_DATABASE_URL": nowhere})
    assert done.returncode == 1
    assert "refused" in done.stderr
    assert "CONTROLPLANE_DATABASE_URL" in done.stderr
    done = controlplane("keys", "list", env={**env, "CONTROLPLANE_DATABASE_URL": empty_url})
    assert done.returncode == 1
    assert "controlplane migrate" in done.stderr


def test_up_says_how_to_get_the_first(folder: Path) -> None:
    with Up("--data", str(folder / "data"), "--port", "0") as up:
        words = up.wait_for("for a key ").partition(" -m controlplane ")[2].split()
        made = controlplane(*words)
        assert made.returncode == 0, made.stderr
        address = up.wait_for("API ").split()[-1].removesuffix("/graphql")
        assert ask(address, made.stdout.strip()).json()["data"]["viewer"]["name"] == "admin"
        assert up.stop() == 0
