"""JSON as the standard has it, from strangers."""

import json
from typing import Any, NoReturn


def decoded(data: str | bytes) -> Any:
    """The value of a JSON text.

    Raises:
        json.JSONDecodeError: also for NaN and infinity, for text that is not UTF-8, for a number of
            thousands of digits and for a nesting beyond reason, which Python tells in other ways.
    """
    try:
        return json.loads(data, parse_constant=_refuse)
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError) as error:
        raise json.JSONDecodeError(str(error), "", 0) from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
