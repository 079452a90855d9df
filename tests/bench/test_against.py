"""A commit is measured against another; how fast either is, no test says."""

import subprocess

from tests.commands import ROOT, run_module


def against(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return run_module("bench.against", *arguments, seconds=170)


def worktrees() -> int:
    listed = ["git", "worktree", "list"]
    return subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.count("\n")


def test_the_commit_that_is_here() -> None:
    before = worktrees()
    done = against("HEAD", "--rows", "updates", "--seconds", "1", "--pairs", "1")
    assert done.returncode == 0, done.stderr
    assert "HEAD" in done.stdout
    assert "within" in done.stdout
    assert worktrees() == before


def test_a_commit_that_there_is_not() -> None:
    done = against("no-such-commit")
    assert done.returncode == 2
    assert "REVISION" in done.stderr
    assert "no-such-commit" in done.stderr


def test_a_row_that_there_is_not() -> None:
    done = against("HEAD", "--rows", "hottest", "--pairs", "1")
    assert done.returncode == 1
    assert "no row hottest" in done.stderr
