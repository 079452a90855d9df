"""Makes mutants of a PL/pgSQL function: each is its text with one small thing changed, as a slip would.

    for mutation in mutations(text):
        text[: mutation.start] + mutation.after + text[mutation.end :]

The text is cut into words, numbers and operators; comments and strings are left alone, and so are the head of
a function and its declarations. Nothing is parsed: a mutant that is no PL/pgSQL any more is refused by
Postgres, and does not count.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

_TOKEN = re.compile(
    r"(?P<skip>\s+|--[^\n]*)|(?P<string>'(?:[^']|'')*')|(?P<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?)|(?P<word>[A-Za-z_][\w.]*)"
    r"|(?P<mark><<\w+>>)|(?P<operator><=|>=|<>|!=|:=|=>|\|\||::|@>|<@|&&|#>>|->>|->|\.\.|!~|[^\w\s])"
)

_COMPARISONS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "=": "<>", "<>": "=", "+": "-", "-": "+"}
_WORDS = {
    "least": "greatest",
    "greatest": "least",
    "min": "max",
    "max": "min",
    "true": "false",
    "false": "true",
    "DESC": "",
    "DISTINCT": "",
}

#: What ends an operand of AND or OR.
_BOUNDARIES = {
    *(
        "AND",
        "OR",
        "THEN",
        "ORDER",
        "GROUP",
        "LIMIT",
        "OFFSET",
        "LOOP",
        "UNION",
        "WINDOW",
        "FOR",
        "WHEN",
        "ELSE",
    ),
    *("END", "JOIN", "LEFT", "CROSS", "WHERE", "HAVING", "ON", "RETURNING", "INTO", "FROM", ",", ";", "AS"),
}
#: After which an operand of AND begins.
_BEGINNINGS = {"WHERE", "ON", "IF", "ELSIF", "WHEN", "HAVING", "RETURN", "NOT", "(", ":="}
_OPENS, _CLOSES = {"(", "[", "CASE"}, {")", "]", "END"}


@dataclass(frozen=True, slots=True)
class Token:
    text: str
    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change: what stands from ``start`` to ``end`` becomes ``after``."""

    start: int
    end: int
    after: str
    what: str

    def applied_to(self, text: str) -> str:
        """The mutant."""
        return text[: self.start] + self.after + text[self.end :]


def tokens_of(text: str) -> list[Token]:
    """The words, numbers, strings and operators of the body, declarations left out."""
    first, last = text.index("$$") + 2, text.rindex("$$")
    begin = re.compile(r"^BEGIN\b", re.MULTILINE).search(text, first)
    at = begin.start() if begin else first
    found = []
    while at < last:
        match = _TOKEN.match(text, at)
        assert match is not None, text[at : at + 20]
        at = match.end()
        if match.lastgroup != "skip":
            found.append(Token(match[0], str(match.lastgroup), match.start(), match.end()))
    return found


def mutations(text: str) -> list[Mutation]:
    """All of one function, by place."""
    tokens = tokens_of(text)
    made = [mutation for operator in _OPERATORS for mutation in operator(tokens)]
    return sorted(made, key=lambda mutation: (mutation.start, mutation.end, mutation.after))


def _comparisons(tokens: list[Token]) -> Iterator[Mutation]:
    """Flips ``<`` and ``<=``, ``=`` and ``<>``, ``+`` and ``-``, ``least`` and ``greatest`` and the like."""
    for before, token in pairwise(tokens):
        other = _COMPARISONS.get(token.text) if token.kind == "operator" else _WORDS.get(token.text)
        if other is None or (token.text in "+-" and before.text in {"(", ",", "=", ":=", "["}):
            continue
        if token.text == "DISTINCT" and before.text in {"IS", "NOT"}:
            continue
        yield Mutation(token.start, token.end, other, "flip" if other else "drop")


def _nulls(tokens: list[Token]) -> Iterator[Mutation]:
    """Turns ``IS NULL`` and ``IS DISTINCT FROM`` round, and takes a NOT away."""
    for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if token.text == "NOT" and after.text in {"NULL", "DISTINCT", "TRUE"} and before.text == "IS":
            yield Mutation(token.start, token.end, "", "flip")
        elif before.text == "IS" and token.text in {"NULL", "DISTINCT"}:
            yield Mutation(token.start, token.start, "NOT ", "flip")
        elif token.text == "NOT":
            yield Mutation(token.start, token.end, "", "flip")


def _numbers(tokens: list[Token]) -> Iterator[Mutation]:
    """Adds one to a number."""
    for token in tokens:
        if token.kind == "number" and token.text.isdigit():
            yield Mutation(token.start, token.end, str(int(token.text) + 1), "one more")


def _predicates(tokens: list[Token]) -> Iterator[Mutation]:
    """Takes one operand of an AND or an OR away."""
    for place, token in enumerate(tokens):
        if token.text not in {"AND", "OR"} or _is_of_between(tokens, place):
            continue
        last = _operand_after(tokens, place)
        yield Mutation(token.start, tokens[last].end, "", "drop")
        first = _operand_before(tokens, place)
        if first is not None:
            yield Mutation(tokens[first].start, token.end, "", "drop")


def _is_of_between(tokens: list[Token], place: int) -> bool:
    """Whether this AND stands between the two bounds of a BETWEEN."""
    for earlier in reversed(tokens[:place]):
        if earlier.text == "BETWEEN":
            return True
        if earlier.text in _BOUNDARIES | _BEGINNINGS:
            return False
    return False


def _operand_after(tokens: list[Token], place: int) -> int:
    """The last token of what stands after an AND or an OR."""
    depth, between = 0, False
    for at in range(place + 1, len(tokens)):
        word = tokens[at].text
        if depth == 0 and word == "BETWEEN":
            between = True
        elif depth == 0 and word == "AND" and between:
            between = False
        elif depth == 0 and (word in _BOUNDARIES or word in _CLOSES):
            return at - 1
        depth += (word in _OPENS) - (word in _CLOSES)
    return len(tokens) - 1


def _operand_before(tokens: list[Token], place: int) -> int | None:
    """The first token of what stands before an AND or an OR, if it is the first operand of all."""
    depth = 0
    for at in range(place - 1, -1, -1):
        word = tokens[at].text
        if depth == 0 and word in _BEGINNINGS:
            return at + 1
        if depth == 0 and word in _BOUNDARIES:
            return None
        depth += (word in _CLOSES) - (word in _OPENS)
    return None


def _locks(tokens: list[Token]) -> Iterator[Mutation]:
    """Takes a lock away, or the haste of one."""
    words = [token.text for token in tokens]
    for at in range(len(words)):
        skips = words[at + 4 : at + 6] == ["SKIP", "LOCKED"]
        if words[at : at + 4] == ["FOR", "NO", "KEY", "UPDATE"]:
            yield Mutation(tokens[at].start, tokens[at + (5 if skips else 3)].end, "", "unlock")
            if skips:
                yield Mutation(tokens[at + 4].start, tokens[at + 5].end, "", "wait")


def _writes(tokens: list[Token]) -> Iterator[Mutation]:
    """Skips a statement that writes, or a call that does."""
    before = {";", "THEN", "ELSE", "BEGIN", "LOOP"}
    for at in range(1, len(tokens)):
        if (
            tokens[at].text not in {"INSERT", "UPDATE", "DELETE", "PERFORM"}
            or tokens[at - 1].text not in before
        ):
            continue
        end = next(later for later in tokens[at:] if later.text == ";")
        yield Mutation(tokens[at].start, end.start, "NULL", "skip")


_OPERATORS: tuple[Callable[[list[Token]], Iterator[Mutation]], ...] = (
    _comparisons,
    _nulls,
    _numbers,
    _predicates,
    _locks,
    _writes,
)
