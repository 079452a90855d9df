"""Which item an error names: counted within the statement by Postgres, within the request by its caller."""

from typing import Any

from controlplane.errors import RequestError


def faults_by_item(error: RequestError) -> dict[int, RequestError]:
    """An error of its own for each item that the error names; empty if it names none."""
    detail: Any = error.detail if isinstance(error.detail, dict) else {}
    listed: Any = detail.get("items", [detail])
    named: dict[int, RequestError] = {}
    for fault in listed:
        if isinstance(fault.get("item"), int):
            named.setdefault(fault["item"], _about(error, fault))
    return named


def moved(error: RequestError, by: int) -> RequestError:
    """The same error of an item that stands so many places further on; one that names no item as it is."""
    detail: Any = error.detail
    if not isinstance(detail, dict) or not isinstance(detail.get("item"), int) or not by:
        return error
    return _about(error, {**detail, "item": detail["item"] + by})


def _about(error: RequestError, fault: dict[str, Any]) -> RequestError:
    says = fault.get("message")
    return RequestError(
        f"item {fault['item']}, {fault.get('field')}: {says}" if says else error.message,
        sqlstate=error.sqlstate,
        detail={name: value for name, value in fault.items() if name != "items"},
        code=error.code,
        hint=error.hint,
    )
