"""From text to a checked document: parsed and validated once, kept by its text, with what it may cost.

Costs are counted on the document itself and before validation, since some of GraphQL's own rules take
quadratic time. Fragments are counted once and by name: spread twice by each other they would grow
exponentially. Nothing here may depend on variables, because the verdict is kept for the text.
"""

from dataclasses import dataclass
from functools import lru_cache

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
    validate,
)

from controlplane.graphql.failures import cut, failure, named_field
from controlplane.graphql.literals import RULES

MAX_TOKENS = 5_000
MAX_DEPTH = 15
MAX_ALIASES = 50
MAX_FIELDS = 2_000
#: Longer texts are not kept, so that the cache has a bound in bytes too.
LONGEST_KEPT = 20_000
KEPT = 512

_STUB = parse("{ __typename }")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document and what is wrong with it; of a broken one the document is a stub.

    Attributes:
        operations: how many it has; with several, a request must name one.
    """

    document: DocumentNode
    errors: tuple[GraphQLError, ...]
    operations: int


@dataclass(frozen=True, slots=True)
class _Cost:
    depth: int = 0
    aliases: int = 0
    fields: int = 0


def prepare(schema: GraphQLSchema, text: str) -> Prepared:
    """Parse, count and validate a text, or remember."""
    return _kept(schema, text) if len(text) <= LONGEST_KEPT else _prepare(schema, text)


def _prepare(schema: GraphQLSchema, text: str) -> Prepared:
    try:
        document = parse(text, max_tokens=MAX_TOKENS)
    except GraphQLError as error:
        error.extensions = {"code": "GRAPHQL_PARSE_FAILED"}
        error.message = cut(error.message)
        return Prepared(_STUB, (error,), 1)
    except RecursionError:
        return Prepared(_STUB, (failure("GRAPHQL_PARSE_FAILED", "the document is nested too deeply"),), 1)
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if not operations:
        return Prepared(_STUB, (failure("GRAPHQL_VALIDATION_FAILED", "the document has no operation"),), 1)
    try:
        errors = _too_much(document, operations)
        if not errors:
            errors = validate(schema, document, RULES)
            for found in errors:
                code = {"code": "GRAPHQL_VALIDATION_FAILED"}
                found.extensions = {**code, **named_field(found), **(found.extensions or {})}
                found.message = cut(found.message)
    except RecursionError:
        errors = [failure("TOO_COMPLEX", "the document is nested too deeply")]
    return Prepared(document, tuple(errors), len(operations))


_kept = lru_cache(maxsize=KEPT)(_prepare)


def _too_much(document: DocumentNode, operations: list[OperationDefinitionNode]) -> list[GraphQLError]:
    counter = _Counter(document)
    errors = []
    for operation in operations:
        cost = counter.of(operation.selection_set)
        for name, found, limit in (
            ("deep", cost.depth, MAX_DEPTH),
            ("aliases", cost.aliases, MAX_ALIASES),
            ("fields", cost.fields, MAX_FIELDS),
        ):
            if found > limit:
                message = f"{found} levels deep" if name == "deep" else f"{found} {name}"
                errors.append(
                    failure("TOO_COMPLEX", f"the operation is too large: {message}, allowed are {limit}")
                )
    return errors


class _Counter:
    """Counts selections with their fragments put in; every fragment is walked once."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._known: dict[str, _Cost] = {}

    def of(self, selections: SelectionSetNode) -> _Cost:
        depth = aliases = fields = 0
        for node in selections.selections:
            if isinstance(node, FragmentSpreadNode):
                inner = self._of_fragment(node.name.value)
            elif isinstance(node, FieldNode):
                below = self.of(node.selection_set) if node.selection_set else _Cost()
                is_alias = node.alias is not None
                inner = _Cost(below.depth + 1, below.aliases + is_alias, below.fields + 1)
            else:
                inner = self.of(node.selection_set)  # type: ignore[attr-defined]  # an inline fragment
            depth = max(depth, inner.depth)
            aliases += inner.aliases
            fields += inner.fields
        return _Cost(depth, aliases, fields)

    def _of_fragment(self, name: str) -> _Cost:
        if name not in self._known:
            self._known[name] = _Cost()  # of itself, should it spread itself: validation refuses that
            fragment = self._fragments.get(name)
            if fragment is not None:
                self._known[name] = self.of(fragment.selection_set)
        return self._known[name]
