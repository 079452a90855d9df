"""Pages of lists: what is asked, checked once, and the connection that is made of what was read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from controlplane.db.reading import Key, Record
from controlplane.graphql.context import Info
from controlplane.graphql.failures import failure
from controlplane.graphql.identity import cursor_of, parse_cursor
from controlplane.graphql.types.nodes import Connection, Edge, PageInfo

#: Most things a page has, and how many it has unless told.
LARGEST_PAGE = 100
USUAL_PAGE = 50

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Paging:
    """One page of one list.

    Attributes:
        name: of the list, which stands in its cursors.
        customer: whose the list is, which does too; None for one of the whole installation.
        size: how many things the page shows.
        after: key of the row before the page.
    """

    name: str
    customer: str | None
    size: int
    after: Key | None

    @property
    def limit(self) -> int:
        """How many rows to read: one more than are shown, which tells whether more follow."""
        return self.size + 1

    def page(self, records: Sequence[Record], make: Callable[[Record], T]) -> Connection[T]:
        """The connection of what was read with this limit."""
        shown = records[: self.size]
        nodes = [make(record) for record in shown]
        cursors = [cursor_of(self.name, self.customer, record["key"]) for record in shown]
        return Connection(
            edges=[Edge(cursor=cursor, node=node) for cursor, node in zip(cursors, nodes, strict=True)],
            nodes=nodes,
            page_info=PageInfo(
                has_next_page=len(records) > self.size,
                has_previous_page=self.after is not None,
                start_cursor=cursors[0] if cursors else None,
                end_cursor=cursors[-1] if cursors else None,
            ),
        )


def paging(info: Info, first: int | None, after: str | None, customer: str | None = None) -> Paging:
    """What a list is asked for, by the arguments that all lists have; its name is that of the field.

    Raises:
        GraphQLError: ``BAD_USER_INPUT``; ``first`` is not between 1 and 100. ``INVALID_INPUT``; ``after`` is
            no cursor of this list of this customer.
    """
    size = USUAL_PAGE if first is None else first
    if not 1 <= size <= LARGEST_PAGE:
        raise failure("BAD_USER_INPUT", f"first: between 1 and {LARGEST_PAGE}", field="first")
    name = info.field_name
    return Paging(name, customer, size, parse_cursor(after, name, customer))
