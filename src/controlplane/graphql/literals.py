"""Values that stand in a document: what is wrong with one is told with its place and the name of its field.

GraphQL's own rule knows the path within an argument and does not tell it; and of what a scalar refuses, not
even the line.
"""

from collections.abc import Sequence
from typing import Any

from graphql import (
    SKIP,
    ArgumentNode,
    ASTValidationRule,
    GraphQLError,
    GraphQLInputType,
    ListValueNode,
    ObjectValueNode,
    ValueNode,
    specified_rules,
    validate_input_literal,
)
from graphql.language.visitor import VisitorAction
from graphql.validation.rules.values_of_correct_type import ValuesOfCorrectTypeRule

from controlplane.graphql.failures import LONGEST_FIELD, cut, missing_or_unknown


class LiteralsOfCorrectType(ValuesOfCorrectTypeRule):
    """The rule of the specification, with ``extensions.field`` and always with locations."""

    _argument: str | None = None

    def enter_argument(self, node: ArgumentNode, *_: Any) -> None:
        """Remember whose value comes next."""
        self._argument = node.name.value

    def leave_argument(self, *_: Any) -> None:
        """What comes now belongs to no argument."""
        self._argument = None

    def is_valid_value_node(self, node: ValueNode, input_type: GraphQLInputType | None) -> VisitorAction:
        """Check one value as a whole; what is inside it is not visited again."""

        def tell(error: GraphQLError, path: list[str | int]) -> None:
            inner = missing_or_unknown(error.message)
            field = _shown(self._argument, [*path, inner] if inner else path)
            named = {"field": cut(field, LONGEST_FIELD)} if field else {}
            extensions = {**(error.extensions or {}), **named}
            nodes = error.nodes or [_at(node, path)]
            # What made the type stumble, as over five thousand digits, has words of Python's own.
            says = (
                error.message if error.original_error is None else f"Expected value of type '{input_type}'."
            )
            self.report_error(GraphQLError(says, nodes, extensions=extensions))

        if input_type:
            validate_input_literal(node, input_type, tell, None, None, self.context.hide_suggestions)
        return SKIP


#: All rules of the specification, this one instead of GraphQL's own.
RULES: tuple[type[ASTValidationRule], ...] = tuple(
    LiteralsOfCorrectType if rule is ValuesOfCorrectTypeRule else rule for rule in specified_rules
)


def _shown(argument: str | None, path: Sequence[str | int]) -> str:
    """As for variables: a place within an input, ``quantities[0].amount``, or else the argument."""
    inside = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return inside[1:] if inside.startswith(".") else (argument or "") + inside


def _at(node: ValueNode, path: Sequence[str | int]) -> ValueNode:
    """The value at a place within another; where that is not spelled out, the nearest around it."""
    for part in path:
        if isinstance(node, ListValueNode) and isinstance(part, int):
            node = node.values[part]
        elif isinstance(node, ObjectValueNode):
            node = next((field.value for field in node.fields if field.name.value == part), node)
    return node
