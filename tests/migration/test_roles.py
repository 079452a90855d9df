"""Without a superuser: a login with CREATEROLE, one without, and roles under another prefix."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg
import pytest
from psycopg import sql

from controlplane.db.roles import printed_roles
from controlplane.db.sources import load_sources
from controlplane.errors import MigrationError, RolesMissing
from tests.servers import Server


@dataclass(frozen=True)
class Place:
    """A database that belongs to a login which is no superuser."""

    url: str
    admin_url: str
    login: str


@pytest.fixture
def place_of(server: Server, drop_roles: Callable[[str], None]) -> Iterator[Callable[[str], Place]]:
    """Makes a database and its owner, a login with the attributes that are asked for."""
    with server.new_database() as name:

        def make(attributes: str) -> Place:
            login, secret = f"login_{secrets.token_hex(4)}", secrets.token_hex(8)
            drop_roles(login)
            with psycopg.connect(server.admin_url, autocommit=True) as admin:
                admin.execute(f"CREATE ROLE {login} LOGIN PASSWORD '{secret}' {attributes}".encode())
                admin.execute(
                    sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(name), sql.SQL(login))
                )
            return Place(server.url(name, user=login, password=secret), server.url(name), login)

        yield make


def first(url: str, query: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
    return None if row is None else row[0]


def test_roles_carry_the_prefix_and_own_the_objects(house, empty_url, ask, prefix) -> None:
    house.migrate(empty_url, prefix=prefix)
    assert ask("SELECT tableowner FROM pg_tables WHERE tablename = 'schema_state'") == f"{prefix}_owner"
    assert ask("SELECT count(*) FROM pg_roles WHERE rolname LIKE %s", f"{prefix}\\_%") == 8
    assert ask("SELECT rolcanlogin OR rolsuper FROM pg_roles WHERE rolname = %s", f"{prefix}_owner") is False


def test_a_createrole_login_migrates_and_may_become_the_owner_without_inheriting(
    house, place_of, prefix
) -> None:
    place = place_of("CREATEROLE")
    house.migrate(place.url, prefix=prefix)
    house.write("migrations/0002_thing.sql", "CREATE TABLE core.thing (n int);")
    house.migrate(place.url, prefix=prefix)
    membership = f"""
        SELECT bool_or(set_option) AND NOT bool_or(inherit_option) FROM pg_auth_members
        WHERE roleid = '{prefix}_owner'::regrole AND member = '{place.login}'::regrole
    """
    assert first(place.url, membership) is True
    assert first(place.url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
    with psycopg.connect(place.url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT * FROM core.thing")


def test_the_real_schema_needs_no_superuser(place_of, prefix) -> None:
    from controlplane.db.migrate import migrate
    from controlplane.types import Environment

    place = place_of("CREATEROLE")
    plan = migrate(place.url, prefix=prefix, environment=Environment.LIVE)
    assert not plan.is_empty
    assert migrate(place.url, prefix=prefix, environment=Environment.LIVE).is_empty


def test_a_login_that_may_not_make_roles_is_told_what_an_administrator_runs(house, place_of, prefix) -> None:
    place = place_of("NOCREATEROLE")
    with pytest.raises(RolesMissing) as refused:
        house.migrate(place.url, prefix=prefix)
    assert "controlplane migrate --print-roles" in str(refused.value.hint)
    printed = printed_roles(load_sources(house.folder).roles, prefix, place.login)
    with psycopg.connect(place.admin_url, autocommit=True) as admin:
        admin.execute(printed.encode())
        admin.execute(printed.encode())  # it may run again
    house.migrate(place.url, prefix=prefix)
    assert first(place.url, "SELECT count(*) FROM pg_namespace WHERE nspname = 'core'") == 1


def test_pgmq_that_is_here_already_is_used_as_it_is(house, empty_url, ask, prefix) -> None:
    from importlib import resources

    with psycopg.connect(empty_url, autocommit=True) as admin:
        admin.execute(resources.files("pgmq.sql").joinpath("pgmq.sql").read_text().encode())
        admin.execute("SELECT pgmq.create('theirs')")
    before = ask("SELECT oid FROM pg_proc WHERE oid = 'pgmq.send(text, jsonb, timestamptz)'::regprocedure")
    house.migrate(empty_url, prefix=prefix)
    after = ask("SELECT oid FROM pg_proc WHERE oid = 'pgmq.send(text, jsonb, timestamptz)'::regprocedure")
    assert after == before
    assert ask("SELECT queue_source FROM core.schema_state") == "found"
    assert ask("SELECT count(*) FROM pgmq.meta WHERE queue_name IN ('theirs', 'alert')") == 2


def test_pgmq_of_somebody_else_is_asked_for_with_the_exact_grants(house, place_of, prefix) -> None:
    from importlib import resources

    place = place_of("CREATEROLE")
    with psycopg.connect(place.admin_url, autocommit=True) as admin:
        admin.execute(resources.files("pgmq.sql").joinpath("pgmq.sql").read_text().encode())
    with pytest.raises(MigrationError, match="may not make queues") as refused:
        house.migrate(place.url, prefix=prefix)
    # The roles went back with everything else, so the administrator makes them too.
    grants = str(refused.value.hint).partition("run: ")[2]
    with psycopg.connect(place.admin_url, autocommit=True) as admin:
        admin.execute(printed_roles(load_sources(house.folder).roles, prefix, place.login).encode())
        admin.execute(grants.encode())
    house.migrate(place.url, prefix=prefix)
    assert first(place.admin_url, "SELECT queue_source FROM core.schema_state") == "found"


def test_a_pgmq_that_is_too_old_is_refused(house, empty_url, prefix) -> None:
    with psycopg.connect(empty_url, autocommit=True) as admin:
        admin.execute("CREATE SCHEMA pgmq")
    with pytest.raises(MigrationError, match=r"has no pgmq\.send"):
        house.migrate(empty_url, prefix=prefix)
