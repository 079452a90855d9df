"""``up --demo`` as a process: it prints lines that work, balances move, and it stops clean."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

from tests.commands import Up, controlplane, environment


def demo(folder: Path) -> Up:
    return Up("--demo", "--port", "0", "--data", str(folder / "data"))


def line_of(up: Up, program: str) -> list[str]:
    """The words of the printed line that begins so."""
    return shlex.split(up.wait_for(f"{program} "))


def run(words: list[str]) -> str:
    """What a pasted line prints."""
    done = subprocess.run(words, check=True, capture_output=True, text=True, timeout=30, env=environment())
    return done.stdout


def test_the_demo_spends_and_its_lines_work(folder: Path) -> None:
    with demo(folder) as up:
        up.wait_for("|  ALLOWED")
        curl = line_of(up, "  curl")
        first, again = (json.loads(run(curl))["data"]["consume"] for _ in range(2))
        assert (first["allowed"], first["replayed"], again["replayed"]) == (True, False, True)
        assert first["credits"] == again["credits"]
        program = f"{sys.executable} -m controlplane"
        watch = run([*line_of(up, f"  {program} watch"), "--count", "3", "--json"])
        assert len({json.loads(line)["version"]["seq"] for line in watch.splitlines()}) == 3
        assert "CONSUMED" in run(line_of(up, f"  {program} psql --data {folder / 'data'} -c"))
        opened = up.wait_for("psql      ").partition(" ")[2]
        assert run([*shlex.split(opened), "-Atc", "SELECT current_database()"]).strip() == "controlplane"
        verified = controlplane("verify", "--data", str(folder / "data"))
        assert verified.returncode == 0, verified.stdout
        assert up.stop() == 0
        assert "the demo ended" not in up.output


def test_a_second_start_goes_on(folder: Path) -> None:
    for _ in range(2):
        with demo(folder) as up:
            up.wait_for("|  ALLOWED")
            assert up.stop() == 0


def test_a_live_environment_is_left_alone(folder: Path) -> None:
    done = controlplane(
        "up", "--demo", "--data", str(folder / "data"), env={"CONTROLPLANE_ENVIRONMENT": "live"}
    )
    assert done.returncode != 0
    assert "live environment" in done.stderr
    assert not (folder / "data").exists()
