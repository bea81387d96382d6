"""About how much a traced program computes, told without compiling it."""

from __future__ import annotations

import math

from jax.extend.core import Jaxpr

from rewardlab.auditing import jaxprs

MUCH = 3e8  # a second or two of a CPU's core if compiled quickly, a tenth of that if compiled well
CALL = 100  # numbers that could be computed in the time that any operation takes, however small


def of(program: Jaxpr) -> float:
    """Numbers that a program's operations give, and CALL for each: a scan's as often as it turns, a loop's as if it turned once, of
    a conditional's branches those of the dearest. A product counts by what it gives, not by its sums.
    """
    total = 0.0
    for eqn in program.eqns:
        try:
            inside = jaxprs.inside(eqn)
        except jaxprs.UnknownForm:  # that it can be compiled is all that is needed here
            inside = None
        if inside is None or isinstance(inside, jaxprs.Opaque):
            total += CALL + sum(math.prod(getattr(x.aval, "shape", ())) for x in eqn.outvars)
            continue
        each = [of(part.jaxpr) for part in inside.programs]
        times = inside.length if isinstance(inside, jaxprs.Scan) else 1
        total += times * (max(each) if isinstance(inside, jaxprs.Cond) else sum(each))
    return total
