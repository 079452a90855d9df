"""Arguments that many fields share, with their descriptions."""

from collections.abc import Iterable
from typing import Annotated, Any, TypeAlias

import strawberry
from strawberry.types.nodes import SelectedField, Selection

from controlplane.graphql.access import Scope
from controlplane.graphql.context import Info
from controlplane.graphql.failures import failure

CustomerId: TypeAlias = Annotated[
    strawberry.ID | None,
    strawberry.argument(
        description="Whose; may be left out with a key that is bound to one customer. Who is unknown has"
        " nothing: a list is empty."
    ),
]
First: TypeAlias = Annotated[
    int | None, strawberry.argument(description="How many: 1 to 100, 50 if not given.")
]
After: TypeAlias = Annotated[
    str | None,
    strawberry.argument(description="Cursor after which the page begins: `endCursor` of the last."),
]


def reader(info: Info, customer_id: str | None) -> str:
    """The customer to read for, by a caller who may read.

    Raises:
        GraphQLError: ``FORBIDDEN``, or ``BAD_USER_INPUT`` where nothing says whose.
    """
    principal = info.context.principal
    principal.need(Scope.READ)
    wanted = customer_id if customer_id is not None else principal.customer_id
    if wanted is None:
        raise failure(
            "BAD_USER_INPUT", "customerId: this key is bound to no customer, so name one", field="customerId"
        )
    principal.need_customer(wanted)
    return wanted


def filter_of(given: Any) -> dict[str, Any]:
    """A filter input as the JSON that reading functions take; what was not given is not in it."""
    if given is None:
        return {}
    found: dict[str, Any] = {}
    for name, key in given.KEYS.items():
        value = getattr(given, name)
        if value is not None:
            found[key] = value.value if hasattr(value, "value") else value
    return found


def is_selected(info: Info, name: str) -> bool:
    """Whether the request names such a field anywhere below this one; what is costly is only read then."""

    def found(selections: Iterable[Selection]) -> bool:
        return any(
            (isinstance(each, SelectedField) and each.name == name) or found(each.selections)
            for each in selections
        )

    return found(info.selected_fields)
