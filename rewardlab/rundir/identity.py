"""What a run's bits depend on beside its seeds: only what agrees in all of it may be put together."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import secrets
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from rewardlab import agents, envs, probes, rules
from rewardlab.agents import Spec
from rewardlab.experiment import Experiment
from rewardlab.experiment.plan import Plan
from rewardlab.inputs import registry
from rewardlab.inputs.errors import one_line
from rewardlab.inputs.files import sha256
from rewardlab.rundir import programs
from rewardlab.rundir.sources import behind, distribution
from rewardlab.types import Rule

PACKAGES = ("rewardlab", "jax", "jaxlib", "flax", "optax", "chex", "gymnax", "numpy")
JAX_FLAGS = ("jax_enable_x64", "jax_default_matmul_precision", "jax_threefry_partitionable")
# Others that change bits, and what they are unless somebody sets them: named where somebody has.
FLAGS = {
    "jax_random_seed_offset": 0,
    "jax_disable_most_optimizations": False,
    "jax_optimization_level": "UNKNOWN",
    "jax_exec_time_optimization_effort": 0.0,
    "jax_softmax_custom_jvp": False,
    "jax_use_direct_linearize": True,
}
BITLESS = ("--xla_force_host_platform_device_count", "--xla_dump")  # how flags of XLA begin that change no bits


def of(plan: Plan) -> dict[str, Any]:
    """What decides the bits of a seed, beside its number, the config and the width's place in it. Starts jax's backends.

    Worlds, rules and probes go by the digest of their files and of what these import, by the versions of the packages among
    that, and, unless they come with RewardLab or gymnax, worlds and rules by what they compute: the digest of their traced
    programs.
    """
    import jax

    device, set_to = jax.local_devices()[0], jax.config.values
    return {
        **{name: metadata.version(name) for name in PACKAGES},
        "backend": device.platform,
        "device": device.device_kind,
        "machine": platform.machine(),
        "width": plan.experiment.width,
        **{name: str(getattr(jax.config, name)) for name in JAX_FLAGS},
        **{name: str(set_to[name]) for name, usual in FLAGS.items() if set_to.get(name, usual) != usual},
        **({"XLA_FLAGS": flags} if (flags := xla_flags()) else {}),
        **sources(plan.experiment),
        **computed(plan),
    }


def xla_flags() -> str:
    """XLA_FLAGS, without those that change no bits."""
    given = os.environ.get("XLA_FLAGS", "").split()
    return " ".join(sorted(flag for flag in given if not flag.startswith(BITLESS)))


def sources(experiment: Experiment) -> dict[str, str]:
    """{file, or name of a world or rule that comes with the package: digest; package that these import: its version}.

    The files are those that define the world, the rules and the probes, those that they import, and those that `env_kwargs` names.
    """
    found: dict[str, str] = {}
    for family, name in _members(experiment):
        if not registry.is_path(name):
            found |= _member(family, name)
        elif content := _content(name):
            files, packages = behind(Path(name))
            found |= packages | {name: content} | {str(file): _content(file) for file in files[1:]}
    for text in _texts(experiment.env_kwargs):
        if content := _content(text):
            found[text] = content
    for text in _texts([list(vars(rule).values()) for rule in _rules(experiment)]):  # such as an optimiser's file
        if registry.is_path(text) and (content := _content(text)):
            files, packages = behind(Path(text))
            found |= packages | {text: content} | {str(file): _content(file) for file in files[1:]}
    for module in (type(thing).__module__ for thing in _objects(experiment)):
        found |= distribution(module.split(".")[0]) if module != "__main__" else {}
    return {name: found[name] for name in sorted(found) if name not in PACKAGES}


def _content(file: str | Path) -> str:
    """16 hexadecimal digits for what is in a file, or "" where there is none, or none that can be read."""
    try:
        if Path(file).is_file():
            with open(file, "rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()[:16]
    except (OSError, ValueError):  # a name that no file can have
        pass
    return ""


@functools.cache
def _member(family: registry.Family, name: str) -> dict[str, str]:
    """The same for one that comes with the package; nothing for any other name."""
    if name not in family.names():
        return {}
    files, packages = behind(family.names()[name])
    return packages | {f"{family.kind} {name}": sha256(b"".join(file.read_bytes() for file in files))[:16]}


def _members(experiment: Experiment) -> Iterator[tuple[registry.Family, str]]:
    """(family, name or path) of the world, of those that its arguments name, of probes, and of rules and networks, those inside of
    others included.

    The question changes no seed's bits.
    """
    for name in experiment.measured:
        yield probes.FAMILY, name
    if isinstance(experiment.env, str):
        yield envs.FAMILY, experiment.env
    for text in _texts(experiment.env_kwargs):
        if text.isidentifier() or text.endswith(".py"):
            yield envs.FAMILY, text
    for rule in _rules(experiment):
        if registered := rules.name_of(type(rule)):
            yield rules.FAMILY, registered
    for agent in _networks(experiment):
        if registered := agents.name_of(agent):
            yield agents.FAMILY, registered


def _objects(experiment: Experiment) -> list[Any]:
    """The world and the rules that neither a name nor a file tells."""
    world = [] if isinstance(experiment.env, str) else [experiment.env]
    networks = [x for x in _networks(experiment) if not agents.name_of(x)]
    return world + [rule for rule in _rules(experiment) if not rules.name_of(type(rule))] + networks


def _rules(experiment: Experiment) -> list[Rule]:
    """The rules of an experiment, those that they wrap, and those inside of its agents."""
    given = (*experiment.rules.values(), experiment.agent, *experiment.agents.values())
    return [x for one in given for x in _inside(one) if isinstance(x, Rule)]


def _networks(experiment: Experiment) -> list[Spec]:
    """The networks of an experiment, and those inside of others."""
    return [x for one in (experiment.agent, *experiment.agents.values()) for x in _inside(one) if isinstance(x, Spec)]


def _inside(of: Any) -> Iterator[Rule | Spec]:
    """A rule or a network, and all that it has as arguments."""
    if isinstance(of, (Rule, Spec)):
        yield of
        for value in vars(of).values():
            yield from _inside(value)


def _texts(value: Any) -> Iterator[str]:
    """The texts in nested dicts, lists and tuples."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list, tuple)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def computed(plan: Plan) -> dict[str, str]:
    """{"what world NAME computes": digest of its program} of what does not come with RewardLab or gymnax; and so with rules.

    Where the program calls Python, a file has to tell all of it; an object that no file holds is then like no other.
    """
    experiment = plan.experiment
    found: dict[str, str] = {}
    if _is_foreign(envs.FAMILY, experiment.env):
        name = experiment.env if isinstance(experiment.env, str) else _address(experiment.env)
        found |= _told(
            f"what world {name} computes", functools.partial(world_program, plan), isinstance(experiment.env, str)
        )
    for name, rule in experiment.rules.items():
        every = [*_inside(rule), *_inside(experiment.agent_of(name))]
        inner, networks = [x for x in every if isinstance(x, Rule)], [x for x in every if isinstance(x, Spec)]
        names, taken = [agents.name_of(x) for x in networks], [x for r in inner for x in vars(r).values()]
        functions = any(callable(x) for x in taken)  # such as an optimiser that no file holds
        foreign = functions or any(registry.is_path(x) for x in _texts(taken))
        foreign = foreign or any(_is_foreign(agents.FAMILY, one) for one in names)
        if foreign or any(_is_foreign(rules.FAMILY, rules.name_of(type(r))) for r in inner):
            known = all(names) and not functions and all(rules.name_of(type(r)) for r in inner)
            found |= _told(f"what rule {name} computes", functools.partial(rule_program, plan, name), known)
    return found


def _is_foreign(family: registry.Family, name: Any) -> bool:
    return not isinstance(name, str) or not (_member(family, name) or name in envs.catalogue.built_in())


def _address(thing: Any) -> str:
    return f"{type(thing).__module__}:{type(thing).__qualname__}"


def _told(what: str, program, in_a_file: bool) -> dict[str, str]:
    try:
        return {what: program()}
    except programs.Unidentified as problem:
        unknown = one_line(f"something that can't be told apart, as it has {problem} (run {secrets.token_hex(4)})")
        return {} if in_a_file else {what: unknown}


def world_program(plan: Plan) -> str:
    """The digest of what a world computes: of its reset and step, of its params and of what else is read from it."""
    import jax

    from rewardlab.envs import adapter
    from rewardlab.envs.tasks import tasked
    from rewardlab.envs.world import offers

    env, params = plan.env, plan.params
    keys = jax.random.split(jax.random.key(0), 2)  # two lanes, as a program may have another form for several

    def reset(keys, params):
        return jax.vmap(lambda key: adapter.reset(env, key, params))(keys)

    def step(keys, states, actions, params):
        return jax.vmap(lambda key, state, action: adapter.step(env, key, state, action, params))(keys, states, actions)

    def observe(states, params):
        return jax.vmap(lambda state: adapter.observe(env, state, params))(states) if adapter.observes(env) else ()

    obs, states = jax.eval_shape(reset, keys, params)
    action = adapter.sample_action(env, params)
    actions = jax.ShapeDtypeStruct((2, *action.shape), action.dtype)
    told = (adapter.outcomes(env), adapter.time_limit(env), adapter.actions(env))
    channels = adapter.observation_channels(env, params, obs.shape[1:])
    parts: tuple[str, ...] = (
        programs.digest(reset, keys, params),
        programs.digest(step, keys, states, actions, params),
        programs.digest(observe, states, params),
        programs.of_values((env.default_params, channels)),
    )
    if offers(env, "task"):
        parts += (programs.digest(lambda params: tasked(env, params, [0, 1]), params),)
    return sha256(repr((parts, told)).encode())[:16]


def rule_program(plan: Plan, name: str) -> str:
    """The digest of what a rule computes in the experiment's world: from a key to the policy after an update."""
    import jax

    from rewardlab import training
    from rewardlab.collect import act, blank
    from rewardlab.envs.world import offers

    rule, setting = plan.experiment.rules[name], plan.setting(name)

    def begin(rule, params, key):
        return training.begin(setting, rule, params, key)

    def revised(rule, params, key, carry):
        return training.revised(setting, rule, params, key, carry)

    def update(rule, params, key, carry):
        carry = training.update(setting, rule, params, key, carry)
        policy = rule.deploy(setting.agent, carry.state)
        memory = blank(setting.agent, policy, 2)  # two lanes, as a program may have another form for several
        assert setting.agent.obs is not None  # of agents that `agents.make` made
        obs = jax.numpy.zeros((2, *setting.agent.obs.shape), setting.agent.obs.dtype)
        return carry, policy.params, act(setting.agent, policy, memory, obs, key)

    strong = jax.tree.map(lambda x: jax.ShapeDtypeStruct(jax.numpy.shape(x), "float32"), rule)
    given = (strong, plan.params, jax.random.key(0))
    carry = jax.eval_shape(begin, *given)
    parts: tuple[str, ...] = (programs.digest(begin, *given), programs.digest(update, *given, carry))
    if offers(setting.env, "revised"):
        parts += (programs.digest(revised, *given, carry),)
    return sha256(repr(parts).encode())[:16]


def differences(there: dict[str, Any], here: dict[str, Any]) -> str:
    """ "jax 0.10.1 there, 0.10.2 here; ..."."""
    names = [name for name in {**there, **here} if there.get(name) != here.get(name)]
    said = lambda identity, name: identity.get(name, "unknown")  # noqa: E731
    return "; ".join(f"{name} {said(there, name)} there, {said(here, name)} here" for name in names)
