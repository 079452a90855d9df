"""Relay: nodes, edges, pages; and how a record becomes a type."""

import dataclasses
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import strawberry
from strawberry.utils.str_converters import to_camel_case

from controlplane.db.reading import Record

T = TypeVar("T")


@strawberry.interface(description="Anything with an id that `node` can find again.")
class Node:
    """Whatever has a Relay id."""

    id: strawberry.ID = strawberry.field(
        description="Opaque and the same for ever; to join with SQL use the natural ids beside it."
    )


@strawberry.type(description="Where a page ends.")
class PageInfo:
    """Forward paging only: keyset cursors have no way back."""

    has_next_page: bool = strawberry.field(description="Whether more follows.")
    has_previous_page: bool = strawberry.field(description="Whether the page began with a cursor.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first thing of the page.")
    end_cursor: str | None = strawberry.field(description="Cursor to go on with: the next page's `after`.")


@strawberry.type(description="One thing of a page.")
class Edge(Generic[T]):
    """A thing and its cursor."""

    cursor: str = strawberry.field(description="Where a page that follows this thing begins.")
    node: T = strawberry.field(description="The thing itself.")


@strawberry.type(description="A page of a list. There is no total: counting would read it all.")
class Connection(Generic[T]):
    """A page."""

    edges: list[Edge[T]] = strawberry.field(description="The things, each with its cursor.")
    nodes: list[T] = strawberry.field(description="The things alone.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")


def from_record(made: type[T], record: Record, **given: Any) -> T:
    """A type from a record with the same names in camelCase; ``given`` wins."""
    values = {name: record.get(key) for name, key in _names(made).items() if name not in given}
    return made(**values, **given)


_NAMES: dict[Any, dict[str, str]] = {}


def _names(made: Any) -> dict[str, str]:
    """Names of a type's fields and how they stand in a record."""
    if made not in _NAMES:
        _NAMES[made] = {
            field.name: to_camel_case(field.name) for field in dataclasses.fields(made) if field.init
        }
    return _NAMES[made]


def pairs(amounts: dict[str, Any] | None, make: Callable[[str, str], T]) -> list[T]:
    """A JSON object of amounts as a list, in the order of its names."""
    return [make(name, amounts[name]) for name in sorted(amounts)] if amounts else []
