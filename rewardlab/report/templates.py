"""The engine that lays out pages: it escapes all text, and refuses names that a template does not know."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rewardlab.analysis.wording import sentence
from rewardlab.inputs.errors import visible

if TYPE_CHECKING:
    from jinja2 import Environment


def engine() -> Environment:
    """Of the templates beside this file."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda x: visible(x) if type(x) is str else x,  # what is marked up has been through it
    )
    made.filters["sentence"] = sentence
    return made
