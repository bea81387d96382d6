"""Update rules, one per file: a file that defines `rule` is one."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from rewardlab.envs import adapter
from rewardlab.envs.contract import name_of as world_name
from rewardlab.envs.world import asking
from rewardlab.inputs import registry
from rewardlab.inputs.errors import InputError, out_of_range, show, unknown
from rewardlab.inputs.fields import LARGEST_SIZE, MOST_STEPS, checked, hints, renamed
from rewardlab.types import Agent, Box, Rule

FAMILY = registry.Family("rule", "rewardlab.rules", "rule")


def names() -> tuple[str, ...]:
    """Names of the rules that come with the package."""
    return tuple(FAMILY.names())


def load(name_or_path: str | Path) -> type[Rule]:
    """The class of a rule: by name, or from the user's own file, which has to define `rule`."""
    cls = FAMILY.load(name_or_path)
    if not (isinstance(cls, type) and is_dataclass(cls) and issubclass(cls, Rule)):
        raise InputError(
            f"`rule` in {show(str(name_or_path))} is {show(cls)}; "
            "allowed: a flax.struct.dataclass of rewardlab.types.Rule"
        )
    return cls


def make(rule: str | Path | Rule | type[Rule], /, **hyperparameters: Any) -> Rule:
    """An update rule with the given hyperparameters, the rest at their defaults.

    rule: a name ("ppo"), the path of a file that defines `rule`, a rule's class, or a rule, to make a changed copy of.
    A hyperparameter that is itself a rule (the one that `yoked` wraps) may be given by name or path as well.
    Float hyperparameters may be arrays, to `vmap` over. Raises InputError for unknown names, wrong types, wrong ranges.
    """
    base = rule if isinstance(rule, (type, Rule)) else load(rule)
    cls = base if isinstance(base, type) else type(base)
    if not (issubclass(cls, Rule) and is_dataclass(cls)):
        raise InputError(
            f"rule = {show(rule)} is no rule; allowed: {', '.join(names())}, the path of a .py file, or a Rule"
        )
    where = name_of(cls) or cls.__name__
    allowed = {f.name: f for f in fields(cls) if f.init}
    given = renamed(cls, hyperparameters, f"rule {where}")
    for name in given:
        if name not in allowed:
            raise unknown(f"hyperparameter of rule {where}", name, allowed)
    kind: type = cls
    for name, hint in hints(kind).items():
        if isinstance(hint, type) and issubclass(hint, Rule) and isinstance(given.get(name), (str, Path)):
            given[name] = make(given[name])
    try:
        made = base(**given) if isinstance(base, type) else replace(base, **given)
    except TypeError as error:
        raise InputError(f"rule {where}: {error}") from error
    return counted(checked(made, where, arrays=True), where)


def counted(rule: Rule, where: str) -> Rule:
    """The rule. Raises InputError, which begins with `where`, where one update lives more steps than a seed's count has room
    for.
    """
    lived, limit = getattr(rule, "num_envs", 0) * getattr(rule, "unroll_length", 0), LARGEST_SIZE - MOST_STEPS
    if lived > limit:
        raise out_of_range(f"{where}: num_envs × unroll_length", lived, f"at most {limit} in one update")
    return rule


def name_of(cls: type[Rule]) -> str | None:
    """The name or path under which `load` finds this very class again, or None."""
    package, _, name = cls.__module__.rpartition(".")
    found = name if package == FAMILY.package and name in FAMILY.names() else registry.source(cls)
    return found if found and FAMILY.load(found) is cls else None


def heads(rule: Rule, env: Any) -> dict[str, int | Box]:
    """The network outputs that a rule needs in a world: `Rule.heads`. Raises InputError as `check_actions` does."""
    check_actions(rule, env, "rule")
    return rule.heads(adapter.actions(env))


def check_memory(rule: Rule, agent: Agent, where: str) -> None:
    """Raises InputError, which begins with `where`, for an agent with a memory under a rule that can't train one."""
    if agent.remembers and not rule.remembers:
        given = name_of(type(rule)) or type(rule).__name__
        allowed = [
            name for name in names() if load(name).remembers is not False
        ]  # that of `yoked` is the wrapped rule's
        raise InputError(
            f"{where} = {given} trains agents without a memory only, and this one has one; "
            f"allowed: {', '.join(allowed)}, or an agent without a memory"
        )


def check_model(rule: Rule, agent: Agent, where: str) -> None:
    """Raises InputError, which begins with `where`, for an agent without a model under a rule that plans with it."""
    if rule.imagines and agent.model is None:
        given = name_of(type(rule)) or type(rule).__name__
        raise InputError(
            f"{where} = {given} plans with a learned model, and this agent has none; allowed: world_model, or an agent of yours "
            "with one"
        )


def check_told(rule: Rule, env: Any, where: str) -> None:
    """Raises InputError, which begins with `where`, for a rule that is told signals which the world does not have."""
    for name in rule.told:
        if name not in (there := adapter.scalars(env)):
            raise unknown(f"signal in {where}.told", name, there, "one that this world has")


def check_shown(rule: Rule, env: Any, where: str) -> None:
    """Raises InputError, which begins with `where`, for a rule that is shown a demonstrator which the world does not have."""
    if not rule.shown or rule.shown in (there := adapter.scripted(env)):
        return
    if there:
        raise unknown(f"policy in {where}.shown", rule.shown, there, "a scripted policy that this world has")
    raise InputError(
        f"{where} = {name_of(type(rule)) or type(rule).__name__} is shown what the policy {show(rule.shown)} does, and "
        f"{world_name(env)} has no scripted policies; allowed: a world that has (`references`), or another rule"
    )


def check_actions(rule: Rule, env: Any, where: str) -> None:
    """Raises InputError, which begins with `where`, for a rule of discrete actions in a world whose actions are continuous."""
    if isinstance(adapter.actions(env), Box) and not rule.continuous:
        given = name_of(type(rule)) or type(rule).__name__
        world = world_name(env)
        allowed = [name for name in names() if load(name).continuous]  # that of `yoked` is the wrapped rule's
        raise InputError(
            f"{where} = {given} takes discrete actions only, and those of {world} are continuous; "
            f"allowed: {', '.join(allowed)}, or a world with discrete actions"
        )


def check_asks(rule: Rule, env: Any, where: str) -> None:
    """Raises InputError, which begins with `where`, for a rule that is conditioned on a return in a world that asks for none."""
    if rule.asks and asking(env) is None:
        given = name_of(type(rule)) or type(rule).__name__
        raise InputError(
            f"{where} = {given} is conditioned on the return that is asked for, and {world_name(env)} asks for none; "
            "allowed: return_asked around that world, or another rule"
        )
