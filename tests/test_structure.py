"""Modules depend on one another in one direction: no cycle among them, imports inside functions counted."""

import ast
import graphlib
import importlib
from collections.abc import Iterator
from pathlib import Path

import rewardlab

PACKAGE = Path(rewardlab.__file__).parent
MODULES = {
    ".".join(("rewardlab", *file.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): file
    for file in PACKAGE.rglob("*.py")
    if "configs" not in file.parts
}


def imports(file: Path) -> Iterator[str]:
    """The modules of the package that a file imports when it runs: what only a type checker reads is left out."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    checks = [n for n in ast.walk(tree) if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"]
    never = {id(inner) for check in checks for inner in ast.walk(check)}
    for node in ast.walk(tree):
        if id(node) in never:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else node.module


def test_no_module_depends_on_itself():
    graph = {name: {*imports(file)} - {name} for name, file in MODULES.items()}
    assert len(graph) > 100 and "rewardlab.types" in graph["rewardlab.training"], "the graph is that of the package"
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which says who is in it


def test_files_of_users_find_modules_by_the_names_that_they_had_first():
    for old, new in rewardlab._MOVED.items():
        found = importlib.import_module(f"rewardlab.{old}")
        assert found is importlib.import_module(f"rewardlab.{new}") is getattr(rewardlab, old)
        assert found.__name__ == found.__spec__.name == f"rewardlab.{new}"
