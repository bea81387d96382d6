"""Renews what is generated in the README and the notebooks: the table of questions, and the project's address.

`python docs/tools/readme.py` writes; a test calls `renewed` and compares.
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"(<!-- table: .*? -->\n).*?(<!-- table -->)", re.DOTALL)
HOME = re.compile(r"(github\.com(?:/github)?/|research\.google\.com/github/)[\w.-]+/rewardlab\b")


def home() -> str:
    """The project's address, "owner/rewardlab"."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return "/".join(project["urls"]["Repository"].split("/")[-2:])
