"""How the package is laid out: modules depend on one another in one direction, and what had other names is still found by them."""

import ast
import graphlib
import importlib
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import jax.numpy as jnp
import pytest
from flax import struct
from small import small
from told import experience

import rewardlab
from rewardlab import rules
from rewardlab.experiment import Budget, Experiment, override, text
from rewardlab.inputs.errors import InputError
from rewardlab.types import Rule

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


def test_old_names_of_fields_are_read_and_a_run_is_not_another_one_for_them():
    new = small(total_steps=300, rules={"ppo": rules.make("ppo", num_envs=4, unroll_length=8)})
    old = new.to_json().replace("total_steps", "steps").replace("num_envs", "lanes").replace("unroll_length", "steps")
    assert (
        Experiment.from_json(old) == new
        and text.same(old, new.to_json())
        and text.digest(old) == text.digest(new.to_json())
    )
    assert text.grows(old, new.to_json()) and not text.grows(old, replace(new, total_steps=301).to_json())
    assert (
        Experiment(**{f.name: getattr(new, f.name) for f in fields(new) if f.name != "total_steps"}, steps=300) == new
    )
    changes = {"steps": "300", "rules.ppo.lanes": "4", "rules.ppo.steps": "8", "budgets.ppo.steps": "300"}
    given = override.override(small(rules={"ppo": "ppo"}), changes)
    assert given.rules == new.rules and given.total_steps == 300 and given.budgets["ppo"] == Budget(total_steps=300)
    assert rules.make("ppo", lanes=4, steps=8) == new.rules["ppo"] and Budget(steps=3) == Budget(total_steps=3)
    assert replace(new, steps=7).total_steps == replace(new, steps=7).steps == 7 and new.rules["ppo"].lanes == 4
    for twice in (
        lambda: rules.make("ppo", lanes=4, num_envs=4),
        lambda: override.override(new, {"steps": "3", "total-steps": "3"}),
    ):
        with pytest.raises(InputError, match="twice"):
            twice()


def test_rules_of_users_may_have_the_old_names():
    @struct.dataclass
    class Theirs(rules.load("fixed")):
        pass

    @struct.dataclass
    class Older(Rule):
        whole = True
        lanes: int = struct.field(default=4, pytree_node=False)
        steps: int = struct.field(default=6, pytree_node=False)

    with pytest.raises(TypeError, match="Smaller declares lanes, the old name of num_envs, which it has"):

        class Smaller(rules.load("fixed")):
            lanes: int = 4

    @struct.dataclass
    class Wider(Older):
        lanes: int = struct.field(default=9, pytree_node=False)

    assert Wider().num_envs == 9 and Wider(lanes=3).num_envs == 3
    assert (Older().num_envs, Older().unroll_length) == (4, 6) and Theirs().num_envs == rules.make("fixed").num_envs
    told = experience(jnp.zeros((2, 1, 1)), jnp.zeros((2, 1)), jnp.zeros((2, 1)))
    assert told.lived is told.mask
