"""The README and the pages of the site, read: their examples and their commands."""

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text(encoding="utf-8")
NOTEBOOKS = sorted((DOCS / "tutorials").glob("*.ipynb"))
PAGES = {str(path.relative_to(DOCS)): path.read_text(encoding="utf-8") for path in sorted(DOCS.rglob("*.md"))}


def examples(text: str) -> list[tuple[str, str]]:
    """(the file that a reader saves it as, or "", the code) of every block of Python, in order."""
    return re.findall(r'^```python(?: title="(\S+)")?\n(.*?)^```$', text, re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[str]:
    """What a reader types, a line each."""
    return re.findall(r"^    ((?:pip|pytest|rewardlab|launch/local\.sh(?! -)) .*)$", text, re.MULTILINE)


FILES = {name: code for name, code in examples(PAGES["members.md"]) if name}  # what a reader saves
EVERY = [step for text in (README, *PAGES.values()) for command in commands(text) for step in command.split(" && ")]


def slug(title: str) -> str:
    """The anchor of a heading."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def anchors(text: str) -> set[str]:
    """Those of a page's headings."""
    return {slug(title) for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}


def tool(name):
    """A program of the documentation's, as a module."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
