"""Optimisers: optax's by name, a file's, or any function of the learning rate that makes one. The only file that touches optax."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import optax
from flax import struct

from rewardlab.inputs import registry
from rewardlab.inputs.errors import InputError, show, unknown

USUAL = "adam"
DEFINES = "optimiser"  # the name in a file of the user's own
Optimiser: TypeAlias = Any  # an optax.GradientTransformation; optax says nothing about types
apply_updates = optax.apply_updates


def field() -> Any:
    """The field of a rule that says how its parameters follow a gradient: Adam, until it is told another (`checked`)."""
    # Configs are older than this field, and have to stay the same text.
    allowed = "an optimiser of optax, or a .py file"
    return struct.field(
        default=USUAL, pytree_node=False, metadata={"check": checked, "added": True, "allowed": allowed}
    )


@functools.cache
def names() -> tuple[str, ...]:
    """optax's optimisers that need a learning rate alone."""
    return tuple(
        name for name in sorted(vars(optax)) if not name.startswith("scale_by_") and _takes_a_rate(getattr(optax, name))
    )


def _takes_a_rate(function: Any) -> bool:
    if not inspect.isfunction(function):
        return False
    taken = [*inspect.signature(function).parameters.values()]
    alone = bool(taken) and taken[0].name == "learning_rate" and all(p.default is not p.empty for p in taken[1:])
    others = {"key", "seed", "linesearch"}  # noise that all seeds would share; a search that asks for the loss
    return alone and not others & {p.name for p in taken}


def checked(given: Any, where: str) -> Any:
    """What names an optimiser: a name, the absolute path of a file that defines `optimiser`, or a function. Raises InputError.

    A function, or what a file defines, takes the learning rate, float32[], which is traced, and returns a gradient transformation,
    as optax has them.
    """
    if isinstance(given, Path) or registry.is_path(given):
        given = str(registry.python_file(given))
    elif given not in names() if isinstance(given, str) else not callable(given):
        also = "the path of a .py file, or, from Python, a function of the learning rate"
        if not isinstance(given, str):
            raise InputError(f"{where} = {show(given)}; allowed: {', '.join(names())}, {also}")
        raise unknown(where, given, names(), also)

    def try_out(learning_rate, params):
        optimiser = make(given, learning_rate)
        return optimiser.update(params, optimiser.init(params), params)[0]

    if given == USUAL:
        return given
    number = jax.eval_shape(lambda: jnp.float32(0))
    try:
        found = jax.eval_shape(try_out, number, {"w": jax.ShapeDtypeStruct((2,), jnp.float32)})
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{where} = {show(given)} fails: {type(error).__name__}: {show(str(error), 200)}") from error
    if [x.shape for x in jax.tree.leaves(found)] != [(2,)]:
        raise InputError(
            f"{where} = {show(given)} gives updates of other shapes than the parameters; allowed: the same"
        )
    return given


def make(given: Any, learning_rate: jax.Array | float, max_grad_norm: jax.Array | float = jnp.inf) -> Optimiser:
    """An optimiser behind a clip of the gradient's global norm; both numbers may be traced.

    given: as `checked` has it. By their names all have optax's defaults, but Adam, which has ε = 1e-5. To Adam all parameters are
    one vector, so that there is one program to compile and to call, not one for each array; others may treat arrays apart.
    """
    usual = given == USUAL
    chain = optax.chain(
        optax.clip_by_global_norm(max_grad_norm), _function(given)(learning_rate, **{"eps": 1e-5} if usual else {})
    )
    chain = optax.flatten(chain) if usual else chain

    def update(gradient: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        with jax.numpy_dtype_promotion("standard"):  # optax mixes integers and floats
            return chain.update(gradient, state, params)

    return optax.GradientTransformation(chain.init, update)


def _function(given: Any) -> Callable[..., Optimiser]:
    if not isinstance(given, str):
        return given
    if not registry.is_path(given):
        return getattr(optax, given)
    module = registry.load_file(given)
    if not callable(getattr(module, DEFINES, None)):
        raise InputError(f"{given} defines no function `{DEFINES}` at its top level, so it is no optimiser")
    return getattr(module, DEFINES)
