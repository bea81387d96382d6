"""All that is taken from gymnax, imported without the plotting libraries that its pictures need, which are most of its time."""

from __future__ import annotations

import importlib
import sys
from contextlib import contextmanager
from types import ModuleType


class _Later(ModuleType):
    """Stands for a module, which is imported when something in it is first used.

    (`importlib.util.LazyLoader` imports at once where the statement is `import package.module as name`.)
    """

    def __getattr__(self, name: str):
        if name.startswith("__"):  # asked for by the import system itself
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


@contextmanager
def _later(*names: str):
    """Inside, an import of these modules gets something that stands for them, unless they have been imported before."""
    stand_ins = {name: _Later(name) for name in names if name not in sys.modules}
    sys.modules.update(stand_ins)
    for name, module in stand_ins.items():
        package, _, child = name.rpartition(".")
        if package in stand_ins:
            setattr(stand_ins[package], child, module)
    try:
        yield
    finally:
        for name, module in stand_ins.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]


with _later("seaborn", "matplotlib", "matplotlib.colors", "matplotlib.pyplot"):
    from gymnax import make
    from gymnax.environments import environment, spaces

__all__ = ["environment", "make", "spaces"]
