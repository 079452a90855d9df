"""What a call changes, remembered so that it can be undone: a group that fails, a dry run, a refusal."""

from collections.abc import Callable
from typing import Any


class Memory:
    """Every change of a customer goes through here."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], object]] = []

    @property
    def mark(self) -> int:
        """Where we are; ``undo`` comes back to it."""
        return len(self._undo)

    def set(self, thing: object, name: str, value: Any) -> None:
        before = getattr(thing, name)
        setattr(thing, name, value)
        self._undo.append(lambda: setattr(thing, name, before))

    def put(self, mapping: dict[Any, Any], key: Any, value: Any) -> None:
        """Adds a key that is not there yet."""
        assert key not in mapping
        mapping[key] = value
        self._undo.append(lambda: mapping.pop(key))

    def append(self, items: list[Any], item: Any) -> None:
        items.append(item)
        self._undo.append(items.pop)

    def remove(self, items: list[Any], item: Any) -> None:
        place = items.index(item)
        del items[place]
        self._undo.append(lambda: items.insert(place, item))

    def undo(self, mark: int = 0) -> None:
        """Takes back, last first, all that was done after the mark."""
        while len(self._undo) > mark:
            self._undo.pop()()
