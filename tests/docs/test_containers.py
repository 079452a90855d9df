"""Dockerfile and docker-compose.yml, held against the code, since there may be no engine to try them."""

import json
import re
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from controlplane.cli import main
from controlplane.settings import Settings
from tests.servers import IMAGE

ROOT = Path(__file__).parents[2]
KNOWN = {f"CONTROLPLANE_{name.upper()}" for name in Settings.model_fields}


@pytest.fixture(scope="module")
def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions in order, with what is behind them on one line."""
    text = (ROOT / "Dockerfile").read_text()
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line.strip()]
    return [(line[0], line[1]) for line in lines]


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return loaded


def values(instructions: list[tuple[str, str]], name: str) -> list[str]:
    return [value for key, value in instructions if key == name]


def environment(instructions: list[tuple[str, str]]) -> dict[str, str]:
    pairs = " ".join(values(instructions, "ENV")).split()
    return dict(pair.split("=", 1) for pair in pairs)


def check_command(words: list[str]) -> None:
    """The command line parses, without running it."""
    context = click.Context(main)
    command = main.get_command(context, words[0])
    assert command is not None, words
    command.make_context(words[0], words[1:], parent=context).close()


def test_the_python_of_the_image_is_new_enough(instructions: list[tuple[str, str]]) -> None:
    (image,) = values(instructions, "FROM")
    match = re.match(r"python:3\.(\d+)", image)
    assert match is not None
    assert int(match[1]) >= 11


def test_what_is_copied_exists_and_is_not_ignored(instructions: list[tuple[str, str]]) -> None:
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"}
    sources = [word for value in values(instructions, "COPY") for word in value.split()[:-1]]
    assert {"pyproject.toml", "src", "sql"} <= set(sources)
    for source in sources:
        assert (ROOT / source).exists(), source
        assert source in let_through, source


def test_everything_the_package_is_built_from_is_copied(instructions: list[tuple[str, str]]) -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {
        project["project"]["readme"],
        *project["project"]["license-files"],
        *wheel["force-include"],
        *(path.partition("/")[0] for path in wheel["packages"]),
    }
    copied = {word for value in values(instructions, "COPY") for word in value.split()[:-1]}
    assert needed <= copied


def test_the_image_runs_a_command_that_exists_not_as_root(instructions: list[tuple[str, str]]) -> None:
    assert json.loads(values(instructions, "ENTRYPOINT")[-1]) == ["controlplane"]
    check_command(json.loads(values(instructions, "CMD")[-1]))
    assert values(instructions, "USER")[-1] not in ("root", "0")


def test_settings_of_image_and_services_exist(
    instructions: list[tuple[str, str]], services: dict[str, Any]
) -> None:
    image = {name for name in environment(instructions) if name.startswith("CONTROLPLANE_")}
    assert image <= KNOWN
    ours = {name for name in services["api"]["environment"] if name.startswith("CONTROLPLANE_")}
    assert ours
    assert ours <= KNOWN


def test_one_port_everywhere(instructions: list[tuple[str, str]], services: dict[str, Any]) -> None:
    port = environment(instructions)["CONTROLPLANE_PORT"]
    assert int(port) == Settings.model_fields["port"].default
    assert values(instructions, "EXPOSE") == [port]
    assert [published.split(":")[-1] for published in services["api"]["ports"]] == [port]
    checks = [" ".join(values(instructions, "HEALTHCHECK")), " ".join(services["api"]["healthcheck"]["test"])]
    for check in checks:
        assert f"127.0.0.1:{port}/" in check


def test_the_api_is_published_on_loopback_only(services: dict[str, Any]) -> None:
    assert all(published.startswith("127.0.0.1:") for published in services["api"]["ports"])
    assert "ports" not in services["postgres"]


def test_health_is_asked_where_the_api_answers_it(
    instructions: list[tuple[str, str]], services: dict[str, Any]
) -> None:
    from controlplane.http.app import create_app

    check = " ".join(services["api"]["healthcheck"]["test"])
    (path,) = re.findall(r":\d+(/[a-z/]+)", check)
    assert f"{path}'" in " ".join(values(instructions, "HEALTHCHECK"))
    app = create_app(Settings(database_url="postgresql://nobody@127.0.0.1:1/none"))
    assert path in [getattr(route, "path", None) for route in app.routes]


def test_health_checks_are_python_that_compiles(services: dict[str, Any]) -> None:
    kind, program, flag, code = services["api"]["healthcheck"]["test"]
    assert (kind, program, flag) == ("CMD", "python", "-c")
    compile(code, "healthcheck", "exec")


def test_postgres_has_pgmq_and_the_database_the_api_asks_for(services: dict[str, Any]) -> None:
    from psycopg.conninfo import conninfo_to_dict

    postgres, api = services["postgres"], services["api"]
    assert postgres["image"] == IMAGE  # what tests run on where there is an engine
    url = conninfo_to_dict(api["environment"]["CONTROLPLANE_DATABASE_URL"])
    assert url["host"] == "postgres"
    assert url["dbname"] == postgres["environment"]["POSTGRES_DB"]
    assert url["user"] == postgres["environment"]["POSTGRES_USER"]
    assert f"--dbname={url['dbname']}" in postgres["healthcheck"]["test"]
    # By the socket it would be called healthy while it is initialised, and stopped again after that.
    assert "--host=127.0.0.1" in postgres["healthcheck"]["test"]
    assert api["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert api["environment"]["PGPASSWORD"] == postgres["environment"]["POSTGRES_PASSWORD"]


def test_the_api_is_given_the_time_it_needs_to_stop(services: dict[str, Any]) -> None:
    from controlplane.cli.serving import GRACE_SECONDS

    assert int(services["api"]["stop_grace_period"].removesuffix("s")) > GRACE_SECONDS
    check_command(services["api"]["command"])


def test_no_secret_stands_in_a_file(services: dict[str, Any]) -> None:
    for service in services.values():
        for name, value in service["environment"].items():
            if re.search(r"PASSWORD|SECRET|TOKEN|KEY", name):
                assert str(value).startswith("${"), name
                assert ":?" in value, f"{name}: no default"
            assert not re.search(r"://[^/@]+:[^/@]+@", str(value)), f"{name}: a password in a URL"
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert ".env" in ignored
