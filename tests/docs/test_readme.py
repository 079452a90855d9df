"""What the documents tell people to type exists."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from controlplane.cli import main
from controlplane.cli.group import COMMANDS
from controlplane.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = sorted(path for path in (*ROOT.glob("*.md"), ROOT / "sql" / "README.md"))
_FENCE = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`((?:make|controlplane) [^`]+)`")


def typed(page: Path) -> Iterator[str]:
    """Every command line on a page: of its shell blocks, and inline after ``make`` or ``controlplane``."""
    text = page.read_text()
    for block in _FENCE.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            if command := line.partition("#")[0].strip():
                yield command
    yield from _INLINE.findall(text)


def words_after(name: str) -> list[tuple[str, list[str]]]:
    """Where ``name`` is typed, with the words behind it."""
    found = []
    for page in PAGES:
        for command in typed(page):
            words = [word for word in shlex.split(command) if "=" not in word or word.startswith("-")]
            if words and Path(words[0]).name == name:
                found.append((f"{page.name}: {command}", words[1:]))
    return found


def test_the_readme_opens_with_the_two_commands() -> None:
    first = next(iter(_FENCE.findall((ROOT / "README.md").read_text())))
    assert [line.partition("#")[0].strip() for line in first.splitlines()] == ["make run", "make test"]


@pytest.mark.parametrize(("where", "words"), words_after("make"), ids=lambda value: str(value)[:40])
def test_make_targets_exist(where: str, words: list[str]) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert words, where
    assert words[0] in targets, where


@pytest.mark.parametrize(("where", "words"), words_after("controlplane"), ids=lambda value: str(value)[:40])
def test_commands_and_their_options_exist(where: str, words: list[str]) -> None:
    context = click.Context(main)
    assert words[0] in COMMANDS, where
    command = main.get_command(context, words[0])
    assert command is not None, where
    command.make_context(words[0], words[1:], parent=context).close()


def test_settings_that_are_named_exist() -> None:
    known = {f"CONTROLPLANE_{name.upper()}" for name in Settings.model_fields}
    for page in PAGES:
        named = set(re.findall(r"\bCONTROLPLANE_(?!TEST_)[A-Z_]*[A-Z]\b", page.read_text()))
        assert named <= known, page.name


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_teaches_with_an_example(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    text = command.get_help(click.Context(command, info_name=name))
    assert re.search(rf"Examples?:\n.*controlplane {name}", text, re.DOTALL), text


def test_the_last_lines_of_help_need_no_import_of_a_command() -> None:
    """``--help`` is what people wait for first; psycopg and uvicorn come later."""
    code = (
        "import sys; from controlplane.cli import main\n"
        "try: main(['--help'])\n"
        "finally: print(sorted({'psycopg', 'uvicorn', 'strawberry'} & set(sys.modules)))"
    )
    import sys

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr


@pytest.mark.parametrize("path", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "sql/README.md"])
def test_pages_exist(path: str) -> None:
    assert (ROOT / path).stat().st_size > 500
