"""Agents: networks by name or the user's own, with the heads that a rule needs, and ways to turn their outputs into actions.

A file here that defines `spec` is a network, known by the file's name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
from flax import nnx

from rewardlab.agents.activations import layer
from rewardlab.agents.cnn import CNN
from rewardlab.agents.gaussian import Gaussian
from rewardlab.agents.gru import GRU
from rewardlab.agents.memory import memoryless, recurrent
from rewardlab.agents.mlp import MLP
from rewardlab.agents.modules import NNX, Linen, Ready
from rewardlab.agents.select import by, epsilon_greedy, greedily, greedy, sample
from rewardlab.agents.spec import Spec, raw
from rewardlab.envs.adapter import unpacked
from rewardlab.inputs import registry
from rewardlab.inputs.errors import InputError, show, unknown
from rewardlab.types import Agent

WRAPPED = ("module", "make", "agent")
FAMILY = registry.Family("agent", "rewardlab.agents", "spec")

__all__ = [
    "CNN",
    "GRU",
    "MLP",
    "Gaussian",
    "Spec",
    "by",
    "epsilon_greedy",
    "greedily",
    "greedy",
    "layer",
    "make",
    "memoryless",
    "name_of",
    "names",
    "own_fields",
    "recurrent",
    "sample",
    "spec",
]


def names() -> tuple[str, ...]:
    """Names of the networks that come with the package."""
    return tuple(FAMILY.names())


def spec(given: Any, /, **fields: Any) -> Spec:
    """The specification of a network, with these fields, the rest at their defaults.

    given: a name ("gru"), the path of a file that defines `spec`, a Spec or its class, a flax module (a linen one, or the class of
    an nnx one, made by `rngs` alone), or an `Agent`. Raises InputError for anything else, and for unknown fields.
    """
    found = FAMILY.load(given) if isinstance(given, (str, Path)) else given
    if isinstance(found, type) and issubclass(found, (Spec, nn.Module)):
        found = _made(found, fields if issubclass(found, Spec) else {})
    if isinstance(found, Spec):
        return found
    if isinstance(found, nn.Module):
        return _made(Linen, {"module": found} | fields)
    if isinstance(found, type) and issubclass(found, nnx.Module):
        return _made(NNX, {"make": found} | fields)
    if isinstance(found, Agent):
        return _made(Ready, {"agent": found} | fields)
    what = f"`spec` in {show(str(given))}" if isinstance(given, (str, Path)) else "agent"
    raise InputError(
        f"{what} = {show(found)} is no network; allowed: {', '.join(names())}, the path of a .py file, a Spec, a flax module, "
        "or an Agent"
    )


def _made(cls: Any, given: dict[str, Any]) -> Any:
    allowed = [f.name for f in dataclasses.fields(cls)]
    for name in given:
        if name not in allowed:
            raise unknown(f"field of agent {cls.__name__}", name, allowed)
    try:
        return cls(**given)
    except TypeError as error:
        raise InputError(f"agent {cls.__name__}: {error}") from error


def own_fields(made: Spec) -> list[str]:
    """The fields of a specification that a config holds: all but the module or agent that it wraps."""
    return [f.name for f in dataclasses.fields(made) if f.name not in WRAPPED]


def name_of(made: Spec) -> str | None:
    """The name or path under which `FAMILY.load` finds what this was made from, or None."""
    own = next(
        (getattr(made, name) for name in WRAPPED if isinstance(made, (Linen, NNX)) and hasattr(made, name)), made
    )
    cls = own if isinstance(own, type) else type(own)
    package, _, name = cls.__module__.rpartition(".")
    found = name if package == FAMILY.package and name in FAMILY.names() else registry.source(cls)
    if not found:
        return None
    there = FAMILY.load(found)
    return found if there is cls or there is own or type(there) is cls else None


def make(
    made: Any,
    obs: jax.ShapeDtypeStruct,
    heads: dict[str, Any],
    prepare: Callable[[jax.Array], jax.Array] = raw,
    parts: Any = None,
    asking: Any = None,
) -> Agent:
    """The agent of a specification, for observations [B, *obs.shape] of dtype obs.dtype and the given {head: size or Box}.

    prepare: observations -> what enters the network, float32 of the same shape. parts: the arrays that an observation has, as the
    world gives them, where they are several (`adapter.Signature`); networks that take them so get them. asking: as of `Agent`.
    Raises InputError.
    """
    found = spec(made)
    seen = prepare if parts is None or not found.several else lambda seen: unpacked(parts, prepare(seen))
    return found.build(obs, tuple(heads.items()), seen)._replace(asking=asking)
