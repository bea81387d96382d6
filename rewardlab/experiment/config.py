"""Configs: experiments found by name or path, and the size of a smoke test."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

from rewardlab import rules
from rewardlab.experiment.conditions import Budget
from rewardlab.experiment.experiment import Experiment
from rewardlab.inputs import registry
from rewardlab.inputs.errors import InputError, show, unknown, wrong_type
from rewardlab.inputs.files import read_text
from rewardlab.types import Rule


def folder() -> Path:
    """Where the configs are: inside the installed package, or beside the package in a clone."""
    package = Path(__file__).parent.parent
    return package / "configs" if (package / "configs").is_dir() else package.parent / "configs"


def names() -> dict[str, Path]:
    """{name: file} of the configs that come with the package."""
    return registry.members(folder(), "experiment")


# What a config may define beside `experiment`: for minutes on a laptop, and for an accelerator.
SIZES = ("small", "full")


def sizes(name: str) -> list[str]:
    """Those of SIZES that a config of the package defines."""
    module = registry.load_file(names()[name])
    return [size for size in SIZES if isinstance(getattr(module, size, None), Experiment)]


def load(name_or_path: str | Path | Experiment, size: str = "experiment") -> Experiment:
    """An experiment: by a config's name, from a .py file that defines `experiment`, or from a run or its config.json.

    size: one of SIZES, for the same question at another size, where the file defines that.
    Running a Python file, or a config that names the user's Python files, runs those files. Raises InputError.
    """
    if isinstance(name_or_path, Experiment) and size not in SIZES:
        return name_or_path
    if not isinstance(name_or_path, (str, Path)):
        raise wrong_type(
            "experiment", name_or_path, "a config's name, or the path of a .py file or of a run's config.json"
        )
    known = names()
    if str(name_or_path) in known:
        path = known[str(name_or_path)]
    elif is_run(name_or_path) or str(name_or_path).endswith(".json"):
        path = Path(name_or_path) / "config.json" if is_run(name_or_path) else Path(name_or_path)
        if size in SIZES:
            raise InputError(f"{show(str(path))} is one experiment, of one size; allowed: no --{size}")
        with registry.beside(path):
            return Experiment.from_json(read_text(path), files=True, where=str(path))
    elif registry.is_path(name_or_path):
        path = registry.python_file(name_or_path)
    else:
        raise unknown("config", name_or_path, known, "or the path of a .py file or of a run's config.json")
    module = registry.load_file(path)
    experiment = getattr(module, size, None)
    if not isinstance(experiment, Experiment):
        others = [f"--{name}" for name in SIZES if isinstance(getattr(module, name, None), Experiment)]
        has = f"; its sizes: {', '.join(['the default', *others, '--smoke'])}" if size in SIZES else ""
        raise InputError(f"{path} defines no `{size}` of type rewardlab.Experiment; it is {show(experiment)}{has}")
    return experiment


def is_run(path: str | Path) -> bool:
    """Whether a path is that of a run's directory."""
    try:
        return (Path(path) / "config.json").is_file()
    except (OSError, ValueError):
        return False


SMOKE = 2048  # environment steps of a rule's update, about, in a smoke test


def smaller(rule: Rule) -> Rule:
    """The rule with a power of two of times fewer lanes, candidates and parents, where its update is larger than `SMOKE`, as far as
    its other sizes allow.
    """
    own = {name: getattr(rule, name, 0) for name in ("num_envs", "candidates", "parents")}
    own = {name: size for name, size in own.items() if isinstance(size, int) and size > 1}
    for shift in range(max(rule.num_envs * rule.unroll_length // SMOKE, 1).bit_length() - 1, 0, -1):
        sizes = {name: size >> shift if name != "parents" else max(size >> shift, 1) for name, size in own.items()}
        whole = all(sizes[name] << shift == own[name] for name in own if name != "parents")
        if whole and sizes.get("candidates", 4) >= 4:
            with contextlib.suppress(InputError):  # a size that does not go with the others, or is another rule's
                return rules.make(rule, **sizes)
    return rule


def smoke(experiment: Experiment) -> Experiment:
    """The same experiment at tiny sizes: every part of it runs, nothing is learned."""
    small = {name: smaller(rule) for name, rule in experiment.rules.items()}
    updates = {name: 2 * rule.num_envs * rule.unroll_length for name, rule in small.items()}
    own = {name: budget.total_steps for name, budget in experiment.budgets.items() if budget.total_steps}
    parted = {
        name: tuple(replace(p, forks=min(p.forks, 2)) for p in c.phases) for name, c in experiment.conditions.items()
    }
    seeds = max(2, *(replace(c, phases=parted[name]).forks for name, c in experiment.conditions.items()))
    few = {
        name: replace(c, seeds=c.seeds and min(c.seeds, seeds), phases=parted[name])
        for name, c in experiment.conditions.items()
    }
    steps = min(experiment.total_steps, max(updates[name] for name in ({*updates} - {*own}) or updates))
    budgets = {  # still unlike the others, where they were
        name: Budget(
            b.total_steps and min(b.total_steps, max(updates[name], 2 * steps)), b.seeds and min(b.seeds, seeds)
        )
        for name, b in experiment.budgets.items()
    }
    return replace(
        experiment,
        conditions=few,
        rules=small,
        budgets=budgets,
        total_steps=steps,
        seeds=min(experiment.seeds, seeds),
        points=min(experiment.points, 2),
        episodes=min(experiment.episodes, 4),
        width=min(experiment.width or 2, 2),
    )
