"""Which inputs of a traced program each of its outputs depends on: labels on variables, followed forwards through a jaxpr.

A label is any hashable; a variable carries a frozenset of them. An output depends on an input if some chain of equations
leads from one to the other, through control (which branch, how many turns of a loop), too. That is conservative: x · 0
depends on x. Leaves are taken whole, without their elements. Not followed: what a Python callback keeps to itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal

from rewardlab.auditing.jaxprs import Call, Cond, Scan, While, inside

Labels = frozenset[Any]  # hashable, whatever they are
Through = Callable[[JaxprEqn, Sequence[Labels]], list[Labels]]

NONE: Labels = frozenset()


def union(eqn: JaxprEqn, labels: Sequence[Labels]) -> list[Labels]:
    """Every output of an equation depends on all of its inputs."""
    return [NONE.union(*labels)] * len(eqn.outvars)


def flow(jaxpr: ClosedJaxpr | Jaxpr, labels: Sequence[Labels], through: Through = union) -> list[Labels]:
    """The labels of a program's outputs, given those of its inputs; its constants have none.

    through: (equation, labels of its inputs) -> labels of its outputs, for equations without programs of their own, once
    more for those that are not known here, and for a `while` with the labels of what decides how often it turns. Loops are
    followed until nothing is new. What touches a mutable reference may reach everything else that does. Raises UnknownForm for
    an equation whose inner programs can't be followed.
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


def _equation(eqn, labels, through):
    match inside(eqn):
        case None:
            return through(eqn, labels)
        case Call(called):
            return flow(called.jaxpr, labels, through)
        case Cond(branches):
            outs = [flow(branch.jaxpr, labels[1:], through) for branch in branches]
            return [labels[0].union(*out) for out in zip(*outs, strict=True)]
        case Scan() as scan:
            return _scan(scan, labels, through)
        case While() as loop:
            return _while(eqn, loop, labels, through)
        case _:
            return _anything(eqn, labels, through)


def _scan(scan, labels, through):
    consts, carries = scan.consts, scan.carries
    fixed, carry, xs = labels[:consts], labels[consts : consts + carries], labels[consts + carries :]
    outs = [NONE] * len(scan.body.jaxpr.outvars)
    while True:
        outs = _join(outs, flow(scan.body.jaxpr, [*fixed, *carry, *xs], through))
        grown = _join(carry, outs[:carries])
        if grown == carry:
            return outs if scan.length else [*labels[consts : consts + carries], *outs[carries:]]
        carry = grown


def _while(eqn, loop, labels, through):
    tests, bodies = loop.tests, loop.bodies
    test, body, carry = labels[:tests], labels[tests : tests + bodies], labels[tests + bodies :]
    while True:
        (goes_on,) = flow(loop.test.jaxpr, [*test, *carry], through)
        outs = flow(loop.body.jaxpr, [*body, *carry], through)
        turns = through(eqn, [goes_on])  # how often it turns
        grown = [old | new | turned for old, new, turned in zip(carry, outs, turns, strict=True)]
        if grown == carry:
            return carry
        carry = grown


def _anything(eqn, labels, through):
    """An equation that runs its programs in a way of its own: everything may reach everything."""
    joined, programs = NONE.union(*labels), getattr(inside(eqn), "programs", ())
    while True:
        outs = [flow(p.jaxpr, [joined] * len(p.jaxpr.invars), through) for p in programs]
        grown = joined.union(*(label for out in outs for label in out))
        if grown == joined:
            return through(eqn, [joined])
        joined = grown


def _join(a, b):
    return [x | y for x, y in zip(a, b, strict=True)]
