"""The proxy holds packets back, keeps their order, and ends both ways."""

import socket
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest

from bench.delay import Target, delayed, delayed_url

DELAY = 0.03


@pytest.fixture
def echo() -> Iterator[Target]:
    """Sends back what it gets, and closes when the other side does."""

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            while packet := connection.recv(1 << 16):
                connection.sendall(packet)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer)
        thread.start()
        yield Target(*listener.getsockname())
        thread.join(10)
        assert not thread.is_alive()


def test_each_way_takes_so_long_and_order_stays(echo: Target) -> None:
    sent = b"".join(number.to_bytes(4, "big") for number in range(100_000))
    with delayed(echo, DELAY) as port, socket.create_connection(("127.0.0.1", port), timeout=10) as caller:
        began = time.monotonic()
        caller.sendall(b"first")
        assert caller.recv(5) == b"first"
        assert time.monotonic() - began >= 2 * DELAY
        writer = threading.Thread(target=caller.sendall, args=(sent,))
        writer.start()
        got = b""
        while len(got) < len(sent):
            got += caller.recv(1 << 16)
        writer.join()
    assert got == sent


def test_the_end_of_the_block_ends_connections(echo: Target) -> None:
    with delayed(echo, DELAY) as port:
        caller = socket.create_connection(("127.0.0.1", port), timeout=10)
        caller.sendall(b"x")
        assert caller.recv(1) == b"x"
    with caller:
        assert caller.recv(1) == b""


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        target = Target(*listener.getsockname())
    with delayed(target, 0) as port, socket.create_connection(("127.0.0.1", port), timeout=10) as caller:
        assert caller.recv(1) == b""


def test_a_database_farther_away(database_url: str) -> None:
    with delayed_url(database_url, DELAY) as url, psycopg.connect(url, autocommit=True) as connection:
        began = time.monotonic()
        assert connection.execute("SELECT 1").fetchone() == (1,)
        assert time.monotonic() - began >= 2 * DELAY
