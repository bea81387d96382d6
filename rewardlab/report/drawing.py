"""matplotlib as it comes: figures look the same whatever a matplotlibrc, MPLBACKEND or a program's own settings say.

Files are drawn by Agg, which a Figure that pyplot doesn't know takes for PNG.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Mapping
from typing import Any
from unittest import mock

from rewardlab.inputs.errors import InputError


def import_matplotlib() -> None:
    """Imports matplotlib. Raises InputError where that fails even without what the environment says of it.

    As it is imported it reads MPLBACKEND and a matplotlibrc, and stops at a backend that is not there and at a file that is no
    text: it is then imported without them. Where it does not stop, MPLBACKEND stays what pyplot goes by in a notebook.
    """
    try:
        importlib.import_module("matplotlib")
    except Exception:
        for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
            del sys.modules[name]  # its parts lack one another
        own = {name: value for name, value in os.environ.items() if name not in ("MPLBACKEND", "MATPLOTLIBRC")}
        nowhere = {"MPLCONFIGDIR": os.devnull}  # it then makes a directory for the process
        try:
            with mock.patch.dict(os.environ, own | nowhere, clear=True):
                importlib.import_module("matplotlib")
        except Exception as error:
            raise InputError(f"matplotlib can't be imported: {type(error).__name__}: {error}") from error


@contextlib.contextmanager
def styled(style: Mapping[str, Any]):
    """While entered, matplotlib's settings are its own defaults and `style`; afterwards they are what they were."""
    import matplotlib

    usual: dict[Any, Any] = {name: value for name, value in matplotlib.rcParamsDefault.items() if name != "backend"}
    with matplotlib.rc_context(usual | dict(style)):
        yield
