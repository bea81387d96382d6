"""Which inputs of a traced program each of its outputs depends on: labels on variables, followed forwards through a jaxpr.

A label is any hashable; a variable carries a frozenset of them. An output depends on an input if some chain of equations
leads from one to the other, through control (which branch, how many turns of a loop), too. That is conservative: x · 0
depends on x. Leaves are taken whole, without their elements. Not followed: what a Python callback keeps to itself.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal

Labels = frozenset[Hashable]
Through = Callable[[JaxprEqn, Sequence[Labels]], list[Labels]]

NONE: Labels = frozenset()
# Primitives that call one program with their own inputs and hand on its outputs.
CALLS = {
    "jit",
    "pjit",
    "closed_call",
    "core_call",
    "checkpoint",
    "remat",
    "remat2",
    "custom_jvp_call",
    "custom_vjp_call",
}


def union(eqn: JaxprEqn, labels: Sequence[Labels]) -> list[Labels]:
    """Every output of an equation depends on all of its inputs."""
    return [NONE.union(*labels)] * len(eqn.outvars)


def flow(jaxpr: ClosedJaxpr | Jaxpr, labels: Sequence[Labels], through: Through = union) -> list[Labels]:
    """The labels of a program's outputs, given those of its inputs; its constants have none.

    through: (equation, labels of its inputs) -> labels of its outputs, for equations without programs of their own, and
    once more for those that are not known here. Loops are followed until nothing is new. What touches a mutable reference
    may reach everything else that does.
    """
    jaxpr = getattr(jaxpr, "jaxpr", jaxpr)
    known = dict(zip(jaxpr.invars, labels, strict=True))

    def read(atom):
        return NONE if isinstance(atom, Literal) else known.get(atom, NONE)

    for eqn in jaxpr.eqns:
        labels = [read(v) for v in eqn.invars]
        written = [v for v in eqn.invars if type(v.aval).__name__ == "AbstractRef"]
        outs = _anything(eqn, labels, through) if written else _equation(eqn, labels, through)
        known.update(zip(eqn.outvars, outs, strict=True))
        known.update((v, NONE.union(*labels, *outs)) for v in written)
    return [read(v) for v in jaxpr.outvars]


def programs(eqn: JaxprEqn) -> list[Jaxpr]:
    """The programs among an equation's parameters."""
    found = []
    for value in eqn.params.values():
        for x in value if isinstance(value, (tuple, list)) else (value,):
            x = getattr(x, "jaxpr", x)
            found += [x] if isinstance(x, Jaxpr) else []
    return found


def _equation(eqn, labels, through):
    name, inner = eqn.primitive.name, programs(eqn)
    if name == "scan":
        return _scan(eqn, labels, through)
    if name == "while":
        return _while(eqn, labels, through)
    if name == "cond":
        branches = [flow(branch, labels[1:], through) for branch in inner]
        return [labels[0].union(*outs) for outs in zip(*branches, strict=True)]
    if name in CALLS and len(inner) == 1 and len(inner[0].invars) == len(labels):
        return flow(inner[0], labels, through)
    return _anything(eqn, labels, through) if inner else through(eqn, labels)


def _scan(eqn, labels, through):
    consts, carries = eqn.params["num_consts"], eqn.params["num_carry"]
    fixed, carry, xs = labels[:consts], labels[consts : consts + carries], labels[consts + carries :]
    outs = [NONE] * len(eqn.outvars)
    while True:
        outs = _join(outs, flow(eqn.params["jaxpr"], [*fixed, *carry, *xs], through))
        grown = _join(carry, outs[:carries])
        if grown == carry:
            return outs if eqn.params["length"] else [*labels[consts : consts + carries], *outs[carries:]]
        carry = grown


def _while(eqn, labels, through):
    tests, bodies = eqn.params["cond_nconsts"], eqn.params["body_nconsts"]
    test, body, carry = labels[:tests], labels[tests : tests + bodies], labels[tests + bodies :]
    while True:
        (goes_on,) = flow(eqn.params["cond_jaxpr"], [*test, *carry], through)
        outs = flow(eqn.params["body_jaxpr"], [*body, *carry], through)
        grown = [old | new | goes_on for old, new in zip(carry, outs, strict=True)]
        if grown == carry:
            return carry
        carry = grown


def _anything(eqn, labels, through):
    """An equation that runs programs in a way not known here: everything may reach everything."""
    joined = NONE.union(*labels)
    while True:
        inside = [label for p in programs(eqn) for label in flow(p, [joined] * len(p.invars), through)]
        grown = joined.union(*inside)
        if grown == joined:
            return through(eqn, [joined])
        joined = grown


def _join(a, b):
    return [x | y for x, y in zip(a, b, strict=True)]
