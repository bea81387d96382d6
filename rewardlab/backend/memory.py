"""What was worked out about an object, kept as long as the object: by identity, as worlds need not be hashable."""

from __future__ import annotations

import weakref
from typing import Any


class Memory:
    """A dict for each object that is asked about; it is dropped together with the object."""

    def __init__(self):
        self._kept: dict[int, tuple[Any, dict[Any, Any]]] = {}

    def of(self, thing: Any) -> dict[Any, Any]:
        """What is kept about this very object; a new dict each time for one that can't be referred to weakly."""
        number = id(thing)
        known = self._kept.get(number)
        if known is None or known[0]() is not thing:
            try:
                known = weakref.ref(thing, lambda _: self._kept.pop(number, None)), {}
            except TypeError:
                return {}
            self._kept[number] = known
        return known[1]
