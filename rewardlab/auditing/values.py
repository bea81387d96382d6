"""The values of a traced program by number: equal expressions of equal values are one value, however often they are written."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, JaxprEqn, Literal

from rewardlab.auditing.jaxprs import Call, inside, program

# What changes the look of a number and not what it tells: shape, kind of float, a fixed scale, a fixed shift.
LOOKS = {"reshape", "squeeze", "broadcast_in_dim", "convert_element_type", "copy", "neg", "add", "sub", "mul", "div"}


class Step(NamedTuple):
    """An equation between numbered values."""

    eqn: JaxprEqn
    ins: tuple[int, ...]
    outs: tuple[int, ...]


class Values(NamedTuple):
    """A program without calls: steps in order, numbers of its inputs and outputs, and the values that are fixed."""

    steps: list[Step]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    fixed: dict[int, Any]


def number(closed: ClosedJaxpr) -> Values:
    """The program with its calls written out and every value numbered."""
    numbers: dict[tuple, int] = {}
    steps: list[Step] = []
    fixed: dict[int, Any] = {}

    def of(*expression) -> int:
        return numbers.setdefault(expression, len(numbers))

    def constant(value) -> int:
        x = np.asarray(value) if isinstance(value, (bool, int, float, np.generic)) else value
        name = of("constant", str(x.dtype), x.item()) if isinstance(x, np.ndarray) and not x.ndim else of(id(value))
        fixed[name] = value
        return name

    def walk(jaxpr, consts, ins):
        at = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*map(constant, consts), *ins), strict=True))
        for eqn in jaxpr.eqns:
            ins = tuple(constant(v.val) if isinstance(v, Literal) else at[v] for v in eqn.invars)
            inner = inside(eqn)
            if isinstance(inner, Call) and inner.plain:
                outs = walk(*inner.program, ins)
            else:
                alone = (len(steps),) if eqn.effects or inner else ()  # compared with nothing
                what = (eqn.primitive.name, str(sorted(eqn.params.items())), ins, alone)
                before = len(numbers)
                outs = tuple(of(*what, i) for i in range(len(eqn.outvars)))
                if len(numbers) > before:
                    steps.append(Step(eqn, ins, outs))
            at.update(zip(eqn.outvars, outs, strict=True))
        return tuple(constant(v.val) if isinstance(v, Literal) else at[v] for v in jaxpr.outvars)

    inputs = tuple(of("input", i) for i in range(len(program(closed).jaxpr.invars)))
    return Values(steps, inputs, walk(*program(closed), inputs), fixed)


def source(values: Values, name: int, fixed: set[int]) -> int:
    """The value that value `name` shows in another shape, or scaled or shifted by a value that is `fixed`.

    It stops where a number of another kind is turned into this one, a bool into a float, say.
    """
    made = {out: step for step in values.steps for out in step.outs}
    while name in made and made[name].eqn.primitive.name in LOOKS:
        step = made[name]
        free = [i for i, x in enumerate(step.ins) if x not in fixed]
        ins: list[Any] = [x.aval for x in step.eqn.invars]
        out: Any = step.eqn.outvars[0].aval
        if len(free) != 1 or not _alike(ins[free[0]].dtype, out.dtype):
            break
        name = step.ins[free[0]]
    return name


def _alike(a, b) -> bool:
    return a == b or (jnp.issubdtype(a, jnp.floating) and jnp.issubdtype(b, jnp.floating))


def evaluate(values: Values, arguments, name: int, change) -> list[Any]:
    """Runs the program with value `name` changed by a function, for all who read it."""
    known = dict(values.fixed) | dict(zip(values.inputs, arguments, strict=True))
    if name in known:
        known[name] = change(known[name])
    for step in values.steps:
        parameters = step.eqn.primitive.get_bind_params(step.eqn.params)
        out = step.eqn.primitive.bind(*(known[i] for i in step.ins), **parameters)
        known.update(zip(step.outs, out if step.eqn.primitive.multiple_results else [out], strict=True))
        if name in step.outs:
            known[name] = change(known[name])
    return [known[i] for i in values.outputs]
