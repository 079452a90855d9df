"""``controlplane up`` as a process: started, stopped by every signal, killed, started again."""

import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest

from controlplane.cli.serving import listen
from controlplane.db.account import Account
from controlplane.db.postmaster import read_postmaster
from controlplane.errors import ConfigurationError
from tests.commands import Up, controlplane, environment, is_gone

READY = "Ctrl-C stops it"


def up(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> Up:
    return Up("--data", str(folder / "data"), "--port", "0", *arguments, env=env)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_signal_leaves_nothing_behind(folder: Path, number: signal.Signals) -> None:
    with up(folder) as running:
        running.wait_for(READY)
        postgres = running.postgres()
        assert running.stop(number) == 0, running.output
        assert is_gone(postgres, 1)
        assert running.lines[-1] == "stopped"
        assert "Traceback" not in running.output
    assert read_postmaster(folder / "data" / "postgres") is None


def test_the_second_time_on_the_same_data(folder: Path) -> None:
    with up(folder) as first:
        first.wait_for("schema: applied")
        first.wait_for(READY)
        done = controlplane("psql", "--data", str(folder / "data"), "-c", "CREATE TABLE kept AS SELECT 7 n")
        assert done.returncode == 0, done.stderr
        assert first.stop() == 0
    with up(folder) as second:
        second.wait_for("schema is up to date")
        second.wait_for(READY)
        found = controlplane("psql", "--data", str(folder / "data"), "-Atc", "SELECT n FROM kept")
        assert found.stdout.strip() == "7"
        assert second.stop() == 0


def test_two_on_one_folder_are_refused_and_the_first_goes_on(folder: Path) -> None:
    with up(folder) as first:
        first.wait_for(READY)
        second = controlplane("up", "--data", str(folder / "data"), "--port", "0")
        assert second.returncode == 1
        assert "DATA_DIR_IN_USE" in second.stderr
        assert str(first.process.pid) in second.stderr
        status = controlplane("migrate", "--data", str(folder / "data"), "status")
        assert status.returncode == 0, status.stderr
        assert "0001 house" in status.stdout
        assert first.stop() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells children of a death on Linux only")
def test_killed_it_takes_postgres_with_it_and_starts_again(folder: Path) -> None:
    with up(folder) as first:
        first.wait_for(READY)
        postgres = first.postgres()
        first.process.kill()
        first.process.wait(10)
        assert is_gone(postgres)
    with up(folder) as second:
        second.wait_for("schema is up to date")
        second.wait_for(READY)
        assert second.stop() == 0


@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.0])
def test_a_signal_while_it_starts_stops_it_too(folder: Path, seconds: float) -> None:
    with up(folder) as running:
        running.wait_for("starting PostgreSQL")
        time.sleep(seconds)
        assert running.stop(signal.SIGINT) == 0, running.output
        assert "Traceback" not in running.output
    found = read_postmaster(folder / "data" / "postgres")
    assert found is None or not found.is_alive
    with up(folder) as again:
        again.wait_for(READY)
        assert again.stop() == 0


def test_a_taken_port_is_told_before_anything_starts(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = controlplane("up", "--data", str(folder / "data"), "--port", port)
    assert done.returncode == 1
    assert port in done.stderr
    assert "--port" in done.stderr
    assert not (folder / "data").exists()


def test_two_that_start_on_one_port_at_once() -> None:
    """However far the first has come: the second must not say that it is ready, and serve nobody."""
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=str(port)):
            listen("127.0.0.1", port)


def test_a_wrong_setting_is_told_by_its_name() -> None:
    done = controlplane("up", env={"CONTROLPLANE_ENVIRONMENT": "prod", "CONTROLPLANE_POOL_SIZE": "no"})
    assert done.returncode == 1
    assert "CONTROLPLANE_ENVIRONMENT" in done.stderr
    assert "CONTROLPLANE_POOL_SIZE" in done.stderr


def test_with_a_url_no_postgres_is_started(folder: Path, empty_url: str) -> None:
    with up(folder, env={"CONTROLPLANE_DATABASE_URL": empty_url}) as running:
        running.wait_for(READY)
        assert not (folder / "data").exists()
        with psycopg.connect(empty_url) as connection:
            row = connection.execute("SELECT count(*) FROM core.schema_migration").fetchone()
        assert row is not None
        assert row[0] > 0
        assert running.stop() == 0


def test_no_database_is_told_without_its_password(folder: Path) -> None:
    url = "postgresql://me:secret-word@127.0.0.1:1/credits"
    done = controlplane("up", "--port", "0", env={"CONTROLPLANE_DATABASE_URL": url})
    assert done.returncode == 1
    assert "DATABASE_UNREACHABLE" in done.stderr
    assert "127.0.0.1:1" in done.stderr
    assert "secret-word" not in done.stderr + done.stdout


@pytest.mark.parametrize("url", ["mysql://me:secret-word@127.0.0.1/x", "postgresql://me:secret-word%@h/x"])
@pytest.mark.parametrize(
    "command", [["up", "--port", "0"], ["doctor"], ["serve", "--port", "0"], ["keys", "list"], ["psql"]]
)
def test_a_url_that_cannot_be_read_is_not_told(command: list[str], url: str) -> None:
    done = controlplane(*command, env={"CONTROLPLANE_DATABASE_URL": url})
    assert done.returncode == 1
    assert "CONTROLPLANE_DATABASE_URL" in done.stderr + done.stdout
    assert "secret-word" not in done.stderr + done.stdout


@pytest.mark.parametrize("option", ["--data", "--host"])
def test_an_empty_option_is_not_another_default(folder: Path, option: str) -> None:
    """``--host "$UNSET"`` must not open every address, nor ``--data "$UNSET"`` fill the folder we are in."""
    given = {"--data": str(folder / "data"), "--host": "127.0.0.1", option: ""}
    done = controlplane("up", "--port", "0", *(word for pair in given.items() for word in pair))
    assert done.returncode in (1, 2)
    assert option.strip("-") in done.stderr
    assert not (folder / "data").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_api_answers_as_the_app_role_and_closes_before_the_database(
    folder: Path, number: signal.Signals
) -> None:
    with up(folder) as running:
        running.wait_for(READY)
        address = running.wait_for("API ").split()[-1].removesuffix("/graphql")
        assert httpx.get(f"{address}/healthz", timeout=10).status_code == 200
        ready = httpx.get(f"{address}/readyz", timeout=10)
        assert ready.status_code == 200, ready.text
        asked = "SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name = 'controlplane api'"
        users = controlplane("psql", "--data", str(folder / "data"), "-Atc", asked)
        assert users.stdout.split() == ["controlplane_app"]
        assert running.stop(number) == 0, running.output
        assert running.lines[-1] == "stopped"
        assert "rror" not in running.output, running.output


@dataclass(frozen=True)
class OrdinaryUser:
    """Somebody who is not root, and a Python of our version that he can run."""

    uid: int
    gid: int
    python: str


@pytest.fixture
def ordinary_user() -> OrdinaryUser:
    if os.geteuid() != 0:
        pytest.skip("the other tests run as an ordinary user already")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    pythons = [Path(sys.executable), *(Path(folder) / version for folder in ("/usr/bin", "/usr/local/bin"))]
    for name in ("nobody", "daemon"):
        entry = pwd.getpwnam(name)
        account = Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
        for python in filter(Path.exists, pythons):
            if account.can_reach(python, os.X_OK) and account.can_reach(Path(__file__), os.R_OK):
                return OrdinaryUser(entry.pw_uid, entry.pw_gid, str(python))
    pytest.skip(f"no ordinary user can reach a {version}, or these files")


def test_as_an_ordinary_user(folder: Path, ordinary_user: OrdinaryUser) -> None:
    os.chown(folder, ordinary_user.uid, ordinary_user.gid)
    # Root's own Python is often closed to others; another of the same version takes our packages.
    packages = [path for path in sys.path if path.endswith(("site-packages", "/src"))]
    env = {"HOME": str(folder), "PYTHONPATH": os.pathsep.join(packages)}
    arguments = ("--data", str(folder / "data"), "--port", "0")
    command = (ordinary_user.python, "-m", "controlplane", "up")
    with Up(*arguments, command=command, user=ordinary_user.uid, env=env) as running:
        running.wait_for(READY)
        assert running.postgres().uids().real == ordinary_user.uid
        assert running.stop() == 0, running.output


def test_ctrl_c_under_make_stops_everything(folder: Path) -> None:
    """A terminal sends SIGINT to make and to us at once."""
    root = Path(__file__).parents[2]
    question = ["make", "--question", ".venv/.installed"]
    if subprocess.run(question, cwd=root, check=False, capture_output=True).returncode:
        pytest.skip("make would install first; `make test` has done so")
    process = subprocess.Popen(
        ["make", "--no-print-directory", "run", f"ARGS=--data {folder / 'data'} --port 0"],
        cwd=root,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if READY in line:
            break
    postmaster = read_postmaster(folder / "data" / "postgres")
    assert postmaster is not None, seen
    os.killpg(process.pid, signal.SIGINT)
    rest, _ = process.communicate(timeout=60)
    assert "stopped" in rest
    assert not postmaster.is_alive
