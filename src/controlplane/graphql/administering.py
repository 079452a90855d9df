"""What the mutations of administrators have in common: input as JSON, and errors as data."""

import dataclasses
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, TypeVar

import strawberry
from strawberry.utils.str_converters import to_camel_case

from controlplane.db.reading import Record
from controlplane.errors import RequestError
from controlplane.graphql.access import Principal
from controlplane.graphql.failures import LONGEST_FIELD, cut

T = TypeVar("T")


@strawberry.type(description="Something about an input that its author can mend.")
class UserError:
    """One of the errors of a mutation; all are told at once."""

    field: str | None = strawberry.field(description="Path of the input's field; null: the whole.")
    message: str = strawberry.field(description="What is wrong, for people.")
    code: str = strawberry.field(description="The same for machines; stable.")


def json_of(given: Any) -> Any:
    """An input as the JSON that the functions take: what was not given is missing, null is null."""
    if isinstance(given, Enum):
        return given.value
    if isinstance(given, list):
        return [json_of(each) for each in given]
    if dataclasses.is_dataclass(given) and not isinstance(given, type):
        return {
            to_camel_case(field.name): json_of(value)
            for field in dataclasses.fields(given)
            if (value := getattr(given, field.name)) is not strawberry.UNSET
        }
    return given


def pairs_of(given: Any, path: str, key: str = "key", value: str = "value") -> tuple[Any, list[UserError]]:
    """A list of keys and values as a JSON object, which has room for each key once: others are errors.

    Null and nothing stay what they are. ``path`` is that of the list, for the errors.
    """
    if not isinstance(given, list):
        return given, []
    found: dict[str, Any] = {}
    errors = []
    for place, each in enumerate(given):
        if each[key] in found:
            field = f"{path}[{place}].{key}"
            errors.append(UserError(field=field, message="stands here twice", code="DUPLICATE"))
        found[each[key]] = each[value]
    return found, errors


def actor_of(principal: Principal) -> str:
    """How the caller is named in the history."""
    return f"key:{principal.key_id}"


async def attempted(
    call: Callable[[], Awaitable[Record]],
) -> tuple[Record | None, list[UserError]]:
    """What a change answered, or what is wrong with its input."""
    try:
        return await call(), []
    except RequestError as error:
        if error.code not in ("INVALID_INPUT", "MALFORMED"):
            raise
        return None, user_errors(error)


def user_errors(error: RequestError) -> list[UserError]:
    """The errors that stand in the detail, or the one there is."""
    detail = error.detail if isinstance(error.detail, dict) else {}
    listed = detail.get("errors")
    found = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    return [
        UserError(
            field=cut(str(each["field"]), LONGEST_FIELD) if each.get("field") else None,
            message=cut(str(each.get("message") or error.message)),
            code=str(each.get("code") or error.code),
        )
        for each in found or [detail]
    ]
