"""SIGTERM to the API under load: what is under way is answered, what waits is told to go elsewhere."""

import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg

from controlplane.types import Role
from tests.api.serving import Api
from tests.commands import Up
from tests.faults.doors import HttpDoor
from tests.faults.judging import stands
from tests.faults.load import Load
from tests.faults.standing import Place
from tests.faults.test_lane_faults import held
from tests.faults.words import Refused, asked
from tests.integration.test_serve import READY, SERVE

GRANTED = 1_000_000
CUSTOMERS = 4
SPENDERS = 8


def test_what_is_under_way_is_answered_and_what_waits_is_shed(
    place: Place, login_url: Callable[[Role], str]
) -> None:
    place.make_customers(CUSTOMERS, GRANTED)
    login = login_url(Role.APP)
    with (
        psycopg.connect(place.url, autocommit=True) as connection,
        Up("--port", "0", command=SERVE, env={"CONTROLPLANE_DATABASE_URL": login}) as process,
        ThreadPoolExecutor(4) as others,
    ):
        process.wait_for(READY)
        address = process.wait_for("API ").split()[-1].removesuffix("/graphql")
        key = Api(address, connection, login).make_key()
        items = [asked("c3", f"waits-{n}", 1) for n in range(4)]
        with (
            held(place, "c3"),
            Load(lambda _: HttpDoor(address, key, within=20), spenders=SPENDERS, customers=3) as load,
        ):
            waiting = [others.submit(HttpDoor(address, key, within=20).send, [item]) for item in items]
            time.sleep(1.0)
            begun = time.monotonic()
            assert process.stop(signal.SIGTERM) == 0, process.output
            assert time.monotonic() - begun < 5
            shed = [word for each in waiting for word in each.result()]
        assert process.lines[-1] == "stopped"
        assert "rror" not in process.output, process.output
        left = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename LIKE '%%app'"
        assert place.rows(left) == []
    assert shed == [Refused("SHUTTING_DOWN")] * 4
    assert load.words["ALLOWED"] > 0
    assert set(load.words) <= {"ALLOWED", "DENIED", "UNKNOWN", "SHUTTING_DOWN", "UNREACHABLE"}
    # Whoever was just sending on a connection that was just closed cannot know; nobody else may be in doubt.
    assert load.words["UNKNOWN"] <= SPENDERS
    told = {
        (item["customerId"], item["idempotencyKey"]): (1, word)
        for item, word in zip(items, shed, strict=True)
    }
    stands(place, {**load.told, **told}, GRANTED)
