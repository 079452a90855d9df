"""The bench runs and leaves table, JSON and picture; how fast anything is, no test says."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import click
import pytest

from bench.plan import FAR, GROWTH, ROWS, UNDECIDED, choose
from tests.commands import run_module

_PNG = b"\x89PNG\r\n\x1a\n"


def bench(*arguments: str, env: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    return run_module("bench", *arguments, env=env, seconds=170)


def test_help_lists_all_rows() -> None:
    done = bench("--help")
    assert done.returncode == 0
    for row in ROWS:
        assert f"  {row.name} " in done.stdout


def test_rows_are_chosen_by_name_and_by_beginning() -> None:
    def names(given: str | None) -> list[str]:
        return [row.name for row in choose(given)]

    assert names("single,hot") == ["hot", "single"]
    assert names("lanes, check") == ["check", "lanes-hot", "lanes-spread", "lanes-two"]
    assert names("history") == ["history"]
    everything = [row.name for row in ROWS]
    assert names(None) == [name for name in everything if not name.startswith((GROWTH, UNDECIDED))]
    assert names(GROWTH) == [name for name in everything if name.startswith(GROWTH) and name != FAR]
    assert names(FAR) == [FAR]
    for nothing in ("lane", "", "hot,nothing"):
        with pytest.raises(KeyError):
            choose(nothing)


@pytest.mark.slow
def test_a_run_leaves_table_json_and_picture(tmp_path: Path) -> None:
    rows = "open-loop,growth-processes"
    results = tmp_path / "of" / "mine"
    done = bench("--rows", rows, "--seconds", "1", "--pairs", "1", "--results", str(results))
    assert done.returncode == 0, done.stderr
    for number, name in enumerate(rows.split(","), start=1):
        assert f"[{number}/2] {name}: " in done.stderr
    written, picture = sorted(results.iterdir())
    assert picture.read_bytes().startswith(_PNG)
    report = json.loads(written.read_text())
    assert (report["seconds"], report["pairs"], report["skipped"], report["failed"]) == (1, 1, {}, {})
    assert report["server"]["fsync"] == "on"
    figures = {row["row"]: row for row in report["rows"]}
    assert list(figures) == [
        "open-loop, 0 ms added",
        "open-loop, 2 ms added",
        "growth-processes, 2 000 customers",
    ]
    for name, figure in figures.items():
        assert f"│ {name} " in done.stdout
        assert figure["says"]
        assert figure["unit"]
        assert all(value > 0 for key in ("values", "yardstick", "ours") for value in figure[key]), name
    points = figures["growth-processes, 2 000 customers"]["curve"]["points"]
    assert [point["at"] for point in points] == [1, 2, 3]
    assert points[0]["relative"] == 1
    (turn,) = figures["open-loop, 2 ms added"]["details"]["turns"]
    for percentiles in (turn["single"], turn["found"]):
        assert 2 <= percentiles["p50"] <= percentiles["p95"] <= percentiles["p99"]


@pytest.mark.slow
def test_rows_of_governance(tmp_path: Path) -> None:
    """In short; nothing passes a suspension, however busy the machine is."""
    short = ("--seconds", "1", "--pairs", "1")
    done = bench("--rows", "axes,suspension,move", *short, "--results", str(tmp_path))
    assert done.returncode == 0, done.stderr
    (written,) = tmp_path.glob("*.json")
    figures = {row["row"]: row for row in json.loads(written.read_text())["rows"]}
    assert figures["suspension, still allowed"]["values"] == [0]
    assert figures["suspension, first denial"]["ours"][0] > 0
    assert figures["axes, own budgets, spread"]["unit"] == "µs/item"
    assert len(figures) == 6 + 2 + 3


def test_what_is_missing_or_fails_is_told_and_the_next_row_is_tried(tmp_path: Path) -> None:
    yardsticks = tmp_path / "yardsticks"
    yardsticks.mkdir()
    results = tmp_path / "results"
    given = ("--rows", "hot,http-check", "--yardsticks", str(yardsticks), "--results", str(results))
    done = bench(*given)
    assert done.returncode == click.UsageError.exit_code
    assert "no check.json, floor.sql, floor_hot.pgbench, noop.py, post.lua in" in done.stderr
    for name in ("noop.py", "post.lua", "check.json", "floor.sql", "floor_hot.pgbench"):
        (yardsticks / name).write_text("SELECT nothing;\n")
    path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/sbin", "/sbin"])
    done = bench(*given, env={"PATH": path})
    assert done.returncode == 1
    assert "hot failed: psql" in done.stdout
    assert 'column "nothing" does not exist' in done.stdout
    assert "http-check was skipped: wrk is not installed: apt-get install wrk" in done.stdout
    (written,) = results.iterdir()
    report = json.loads(written.read_text())
    assert (list(report["failed"]), list(report["skipped"]), report["rows"]) == (["hot"], ["http-check"], [])
