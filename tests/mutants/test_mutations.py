"""The mutants that are made of a text, and that nothing else of it is touched."""

import pytest

from tests.mutants.hatchery import functions
from tests.mutants.mutations import mutations

HEAD = """CREATE FUNCTION core.f(p integer DEFAULT 1) RETURNS numeric(38,9) AS $$
DECLARE
  v text := 'a' || 1;
BEGIN
"""


def mutants(body: str) -> list[str]:
    """The bodies of all mutants, white space made one."""
    text = f"{HEAD}{body}\nEND $$;"
    made = [mutation.applied_to(text) for mutation in mutations(text)]
    assert all(each.startswith(HEAD) and each.endswith("END $$;") for each in made)
    return [" ".join(each[len(HEAD) : -len("END $$;")].split()) for each in made]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("x := a < b;", ["x := a <= b;"]),
        ("x := a = 'it''s < AND';", ["x := a <> 'it''s < AND';"]),
        ("x := a; -- a < b AND 1", []),
        ("x := a - 1;", ["x := a + 1;", "x := a - 2;"]),
        ("x := (-1);", ["x := (-2);"]),
        ("x := least(a, b);", ["x := greatest(a, b);"]),
        ("x := a IS NOT NULL;", ["x := a IS NULL;"]),
        ("x := a IS DISTINCT FROM b;", ["x := a IS NOT DISTINCT FROM b;"]),
        ("x := NOT a;", ["x := a;"]),
        ("IF a AND b THEN", ["IF b THEN", "IF a THEN"]),
        ("x := f(a OR g(b) AND c);", ["x := f( g(b) AND c);", "x := f(a AND c);", "x := f(a OR g(b) );"]),
        ("x := a BETWEEN b AND c;", []),
        ("WHERE b AND CASE WHEN c THEN d END LIMIT", ["WHERE CASE WHEN c THEN d END LIMIT", "WHERE b LIMIT"]),
        ("SELECT a INTO x FROM b FOR NO KEY UPDATE;", ["SELECT a INTO x FROM b ;"]),
        ("FROM b FOR NO KEY UPDATE SKIP LOCKED;", ["FROM b ;", "FROM b FOR NO KEY UPDATE ;"]),
        ("x := a; PERFORM core.g(x);", ["x := a; NULL;"]),
        ("<<item>> x := a->>'b';", []),
    ],
)
def test_what_is_made_of_a_text(body: str, expected: list[str]) -> None:
    assert sorted(mutants(body)) == sorted(expected)


def test_every_function_can_be_mutated() -> None:
    made = {name: len(mutations(file.text)) for name, file in functions().items()}
    assert made["core.judge"] > 500
    assert sum(made.values()) > 1500
