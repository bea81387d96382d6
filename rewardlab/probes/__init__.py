"""Measurements, one per file: a file that defines `probe` is one. The other files here are helpers.

A probe says which arrays it keeps, with named axes, and measures one seed at one moment. What `layout.py` makes of that is
kept for every seed, checked when it is read, and labelled in the results.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.inputs import registry
from rewardlab.inputs.errors import InputError, calling, returned, show

if TYPE_CHECKING:
    from rewardlab.experiment.plan import Plan
    from rewardlab.training import Carry, Setting
    from rewardlab.types import Rule, Trajectory

FAMILY = registry.Family("probe", "rewardlab.probes", "probe")
# When a probe measures, and the axes that its arrays then have behind those of rule, condition and seed.
WHEN = {"point": ("point", "evaluation"), "end": ("evaluation",), "update": ("record",)}
Coordinates = Mapping[str, Sequence[str] | int]
GIVEN = ("state", "dynamics")  # what scripted policies may be given of a world; `wording.MINDS` says it


class Array(NamedTuple):
    """One named array, float32.

    axes: the names of its own axes, behind those that every array of its probe has (`WHEN`).
    unit: what it is counted in; "": it is a number without one.
    reference: the name of the array that holds the same of the world's scripted policies; "" if there is none.
    """

    axes: tuple[str, ...]
    description: str
    unit: str = ""
    reference: str = ""


class Subject(NamedTuple):
    """One seed at one moment.

    setting: its world, agent and judge. policy: the Policy that is handed over. axes: the probe's coordinates.
    At a point and at the end, on one evaluation: params, the world's params there; seen, Trajectory [T, N], N whole episodes
    of the policy, one a lane; rule and carry are None.
    At an update: params, those of training; rule and carry, as that update left them; seen is None.
    key: to be folded, never consumed: the evaluation's, the same for all seeds, or the seed's own.
    """

    setting: Setting
    policy: Any
    params: Any
    axes: Coordinates
    key: jax.Array
    seen: Trajectory | None = None
    rule: Rule | None = None
    carry: Carry | None = None


def _no_axes(plan: Plan) -> Coordinates:
    return {}


def _no_counts(plan: Plan) -> tuple[str | int, ...]:
    return ()


class Probe(NamedTuple):
    """A measurement.

    when: "point", at every evaluation; "end", at the last one; "update", after updates, of which a bounded number of records
        is kept, evenly spaced by steps lived.
    arrays: {name: Array} of what it keeps.
    measure: Subject -> {name: float32[own axes of that array]}, a pure function of one seed, which is traced and mapped.
    axes: the plan of an experiment (`experiment/plan.py`) -> {own axis: names along it, or its length}.
    along: {own axis: what it tells apart}, the description that the axis has in the results.
    made_up: (the plan, leading shape, numpy Generator) -> {name: array [*leading shape, own axes]}, such numbers as it
        might find, to try out the report; None: any numbers from 0 to 1.
    scripted: {policy: which of `GIVEN` it is given} of the policies that it plays and that no rule handed over. The audit has a
        row for each. state: the world's own, in place of an observation. dynamics: what steps lead to, and what they pay.
    counts: the plan -> what it reads the sums of from the carry (`Carry.met`): the world's signals, and, of episodes that ended in
        an outcome, the number of that outcome; none for most.
    """

    when: str
    arrays: Mapping[str, Array]
    measure: Callable[[Subject], Mapping[str, jax.Array]]
    axes: Callable[[Plan], Coordinates] = _no_axes
    made_up: Callable[..., Mapping[str, np.ndarray]] | None = None
    scripted: Mapping[str, tuple[str, ...]] = {}
    counts: Callable[[Plan], tuple[str | int, ...]] = _no_counts
    along: Mapping[str, str] = {}


def names() -> tuple[str, ...]:
    """Names of the probes that come with the package."""
    return tuple(FAMILY.names())


def load(name_or_path: str | Path) -> Probe:
    """A probe: by name, or from the user's own file, which has to define `probe`. Raises InputError."""
    found, what = FAMILY.load(name_or_path), f"`probe` in {show(str(name_or_path))}"
    if not isinstance(found, Probe):
        raise InputError(f"{what} is {show(found)}; allowed: a rewardlab.probes.Probe")
    if found.when not in WHEN:
        raise InputError(f"{what} measures when = {show(found.when)}; allowed: {', '.join(WHEN)}")
    if not (isinstance(found.arrays, Mapping) and found.arrays):
        raise InputError(f"{what} keeps {show(found.arrays)}; allowed: a dict {{name: Array}} of at least one")
    for name, array in found.arrays.items():
        good = isinstance(name, str) and name.isidentifier() and isinstance(array, Array)
        if not (
            good and isinstance(array.axes, tuple) and all(isinstance(a, str) and a.isidentifier() for a in array.axes)
        ):
            raise InputError(
                f"{what} keeps {show(name)}: {show(array)}; allowed: an Array, whose axes are a tuple of names"
            )
    if not isinstance(found.along, Mapping) or not all(isinstance(text, str) for text in found.along.values()):
        raise InputError(f"{what} has along = {show(found.along)}; allowed: a dict {{own axis: what it tells apart}}")
    if not isinstance(found.scripted, Mapping):
        raise InputError(
            f"{what} plays scripted = {show(found.scripted)}; allowed: a dict {{policy: what it is given}}"
        )
    for name, given in found.scripted.items():
        if not (isinstance(name, str) and name and isinstance(given, tuple) and {*given} <= {*GIVEN}):
            raise InputError(
                f"{what} plays {show(name)}, which is given {show(given)}; allowed: a name, and a tuple of {', '.join(GIVEN)}"
            )
    return found


def measured(probes: Mapping[str, Probe], axes: Mapping[str, Coordinates], subject: Subject) -> dict[str, jax.Array]:
    """What probes find in one subject, each told its own coordinates: {array: float32[own axes]}.

    Raises InputError for a probe that gives other arrays, or arrays of other shapes, than it says that it keeps.
    """
    found: dict[str, jax.Array] = {}
    for name, probe in probes.items():
        what = f"measure of probe {name}"
        with calling(what):
            given = probe.measure(subject._replace(axes=axes[name]))
        if not isinstance(given, Mapping) or {*given} != {*probe.arrays}:
            raise returned(what, f"returned {show(given, 80)}", f"a dict of {', '.join(probe.arrays)}")
        for array, value in given.items():
            value = jnp.asarray(value)
            shape = tuple(length(axes[name][axis]) for axis in probe.arrays[array].axes)
            if value.shape != shape or not jnp.issubdtype(value.dtype, jnp.floating):
                raise returned(what, f"returned {value.dtype}{list(value.shape)} as {array!r}", f"float32{list(shape)}")
            found[array] = value.astype(jnp.float32)
    return found


def length(coordinates: Sequence[str] | int) -> int:
    """How many entries an axis has."""
    return coordinates if isinstance(coordinates, int) else len(coordinates)
