"""GraphQL errors: for broken requests and faults, never for a denial. Each has ``extensions.code``.

What we know, callers are told; everything else is masked as ``INTERNAL`` and logged with the id they see.
"""

import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import structlog
from graphql import GraphQLError
from strawberry.schema.exceptions import CannotGetOperationTypeError

from controlplane.errors import Conflict, DatabaseError, OutcomeUnknown, RequestError, Shed
from controlplane.types import Json

_log = structlog.get_logger(__name__)

#: What callers are told where Postgres' own words are for us alone.
_TOLD: Mapping[str, str] = {
    "UNKNOWN": "the answer was lost or could not be read, so it may be recorded or not;"
    " send the same again with the same key",
    "TIMEOUT": "the database took too long and wrote nothing; try again in a moment",
    "LOCKED": "another operation holds this customer; nothing was written; try again in a moment",
    "SERIALIZATION_CONFLICT": "two operations were in each other's way; nothing was written; try again",
    "OUT_OF_RESOURCES": "the database is at its limits; nothing was written; try again in a moment",
    "READ_ONLY": "this database takes no writes at the moment; try again in a moment",
    "SYSTEM_ERROR": "the database has a fault; nothing was written; try again in a moment",
}

#: Seconds to stay away that callers are told where nothing better is known.
USUAL_PAUSE = 0.5

#: ``Variable '$input' has invalid value at .quantities[0].amount: …``, and the same without a place.
_PLACE = re.compile(r"^Variable '\$(?P<variable>\w+)' has invalid value(?: at (?P<path>[^:]*))?: ")
#: What follows the place, or is all there is of a value in the document, where a field is missing or unknown.
_FIELD = re.compile(
    r"Expected value of type '[^']+' (?:to include required|not to include unknown) field '(?P<field>\w+)'"
)
#: ``Argument 'Query.entity(entityId:)' of type …``, ``Unknown argument 'entity' on field …``.
_ARGUMENT = re.compile(r"^(?:Argument '[\w.]+\((?P<missing>\w+):\)'|Unknown argument '(?P<unknown>\w+)')")


#: Characters of a message, and of the name of a field: both may give back what a caller wrote, however long.
LONGEST_MESSAGE = 1_000
LONGEST_FIELD = 300


def cut(text: str, longest: int = LONGEST_MESSAGE) -> str:
    """The text, or its beginning and its end."""
    if len(text) <= longest:
        return text
    end = longest // 4
    return f"{text[: longest - end - 1]}…{text[-end:]}"


def failure(code: str, message: str, **extensions: Json) -> GraphQLError:
    """An error to raise: ``code`` is for machines and stable, the message is for people."""
    return GraphQLError(message, extensions={"code": code, **extensions})


def words_of(error: DatabaseError) -> str:
    """What callers are told of it, in words."""
    return _TOLD.get(error.code, error.message)


def told(error: DatabaseError) -> GraphQLError | None:
    """The error as callers see it; None if it is a fault of ours, to be masked."""
    if isinstance(error, Shed | Conflict | OutcomeUnknown):
        pause = (error.retry_after if isinstance(error, Shed) else None) or USUAL_PAUSE
        return failure(error.code, words_of(error), retryable=True, retryAfter=round(pause, 3))
    if not isinstance(error, RequestError) or (error.sqlstate or "U")[0] != "U":
        return None
    detail = error.detail if isinstance(error.detail, dict) else {}
    listed = detail.get("errors")
    first = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else detail
    extensions: dict[str, Json] = {"code": error.code}
    if first.get("field"):
        extensions["field"] = cut(str(first["field"]), LONGEST_FIELD)
    if "item" in detail:
        extensions["item"] = detail["item"]
    if first.get("code"):
        extensions["problem"] = first["code"]
    return GraphQLError(cut(error.message), extensions=dict(extensions))


@contextmanager
def written() -> Iterator[None]:
    """Around what is read for the answer once something was written.

    That this cannot be read says nothing of what was written, so it must not be told as if nothing had been.

    Raises:
        OutcomeUnknown: instead of what says that it may pass the next time; the same key is answered then.
    """
    try:
        yield
    except (Shed, Conflict) as error:
        raise OutcomeUnknown(f"written, but not read: {error.message}", code="UNKNOWN") from error


def shown(error: GraphQLError) -> GraphQLError:
    """The error as it goes out, with a code; what is unknown is masked and logged."""
    if error.extensions and "code" in error.extensions:
        return error
    cause = error.original_error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    if cause is None or isinstance(cause, GraphQLError):
        return _coded(error)
    if isinstance(cause, CannotGetOperationTypeError):
        return failure("OPERATION_NAME_NEEDED", cause.as_http_error_reason())
    replacement = told(cause) if isinstance(cause, DatabaseError) else None
    if replacement is None:
        identifier = uuid.uuid4().hex
        _log.error("fault", id=identifier, path=error.path, exc_info=cause)
        replacement = failure(
            "INTERNAL", f"something went wrong here; it is logged as {identifier}", id=identifier
        )
    return GraphQLError(
        replacement.message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=replacement.extensions,
    )


def _coded(error: GraphQLError) -> GraphQLError:
    """One of GraphQL's own: of the document's or the variables' values."""
    error.extensions = {"code": "BAD_USER_INPUT", **named_field(error)}
    error.message = cut(error.message)
    return error


def named_field(error: GraphQLError) -> dict[str, str]:
    """``field``, as an extension, if GraphQL's words say which: a place within the input, or an argument.

    A variable's name is its caller's own and means nothing to others, so it is only told where the document
    does not show what it is for.
    """
    field = _field_of(error)
    return {"field": cut(field, LONGEST_FIELD)} if field else {}


def _field_of(error: GraphQLError) -> str | None:
    if argument := _ARGUMENT.match(error.message):
        return argument["missing"] or argument["unknown"]
    place = _PLACE.match(error.message)
    field = missing_or_unknown(error.message, place.end() if place else 0)
    if place is None:
        return field
    path = (place["path"] or "") + (f".{field}" if field else "")
    return path[1:] if path.startswith(".") else _argument_of(place["variable"], error) + path


def missing_or_unknown(message: str, start: int = 0) -> str | None:
    """The field of an input that GraphQL's words, from there on, say is missing or not to be there."""
    found = _FIELD.match(message, start)
    return found["field"] if found else None


def _argument_of(variable: str, error: GraphQLError) -> str:
    """The name beside the first use of a variable, ``customerId: $c``; its own if there is none."""
    document = error.source.body if error.source else ""
    use = re.search(rf"(\w+)\s*:\s*\${variable}\b", document)
    return use[1] if use else variable
