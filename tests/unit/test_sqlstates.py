"""The states of class U: raised in sql/, mapped in errors.py, shown in sql/README.md; all the same."""

import re

from controlplane.db.sources import load_sources, sql_folder
from controlplane.errors import SQLSTATES

OURS = {state: meaning for state, meaning in SQLSTATES.items() if state.startswith("U")}


def test_the_table_shows_what_the_code_maps() -> None:
    rows = re.findall(
        r"^\| (U\w{4}) \| (\w+) \| (.+?) \|$", (sql_folder() / "README.md").read_text(), re.MULTILINE
    )
    assert rows == [(state, meaning.code, meaning.says) for state, meaning in sorted(OURS.items())]


def test_every_state_that_is_raised_is_mapped_and_the_other_way_round() -> None:
    sources = load_sources()
    text = "\n".join(file.text for file in (*sources.migrations, *sources.repeated))
    raised = set(re.findall(r"'(U[A-Z]\d{3})'", text))
    assert raised == set(OURS)


def test_states_are_five_characters_of_class_u() -> None:
    assert all(re.fullmatch(r"UC\d{3}", state) for state in OURS)
