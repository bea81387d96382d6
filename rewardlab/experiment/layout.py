"""What is kept of every seed: the arrays that an experiment's probes declare, and how far each seed was at its points."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rewardlab import probes
from rewardlab.experiment import Experiment
from rewardlab.inputs.errors import InputError, show
from rewardlab.inputs.files import BINARY
from rewardlab.probes import Array, Coordinates, Probe, length

if TYPE_CHECKING:
    from rewardlab.experiment.plan import Plan

SEED = ("rule", "condition", "seed")
RECORDS = 128  # of an update's probes, for each seed
OWN = {  # what every run keeps, whatever its probes
    "steps": Array((), "environment steps lived, every one counted", "steps"),
    "finite": Array((), "1 where all parameters of the policy, and all rewards so far, are finite numbers, else 0"),
}
RECORDED = {  # what every run keeps that has probes of updates
    "record_steps": Array((), "environment steps lived by the update that is recorded", "steps"),
    "record_updates": Array((), "the number of the update that is recorded", "updates"),
}
ALONG = {  # the coordinates that every run has
    "rule": Array((), "the update rule", "name"),
    "condition": Array((), "the way of training", "name"),
    "seed": Array((), "the number of the seed", "number"),
    "point": Array((), "the number of the evaluation, counted from that of the untrained agent", "number"),
    "evaluation": Array((), "the way of testing", "name"),
    "reference": Array((), "the world's scripted policy", "name"),
    "env_steps": Array(
        (), "environment steps at which a point is due, the same for all seeds; `steps` has those lived", "steps"
    ),
    "record_env_steps": Array((), "environment steps by which a record is made, the same for all seeds", "steps"),
}
WIDE = ("steps", "record_steps", "record_updates")  # counts, which 32 bits of a float can't hold
TAKEN = (*ALONG, "record", "level", "shown", "shared_point")


class Kept(NamedTuple):
    """One array of a rule under a condition. dims, shape: of its axes behind that of seeds. about: what it says of itself."""

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype
    when: str
    about: Array


class Layout(NamedTuple):
    """arrays: {name: Kept}. axes: {own axis of any probe: its names, or its length}. by_probe: the same for each probe.

    along: what the coordinates say of themselves, those that every run has and those of own axes.
    """

    arrays: dict[str, Kept]
    axes: dict[str, Any]
    by_probe: dict[str, Coordinates]
    along: dict[str, Array]

    def blank(self, when: str, seeds: int) -> dict[str, np.ndarray]:
        """{array: NaN [seeds, ...]} of those that are measured then."""
        return {n: np.full((seeds, *k.shape), np.nan, k.dtype) for n, k in self.arrays.items() if k.when == when}

    def names(self, when: str, also: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[tuple[str, ...], ...]]:
        """{array: the names along its axes behind the first}, of those that are measured then. also: of axes that no probe owns."""

        def along(axis: str) -> tuple[str, ...]:
            found = also[axis] if axis in also else self.axes[axis]
            return tuple(map(str, range(found))) if isinstance(found, int) else tuple(found)

        return {n: tuple(map(along, k.dims[1:])) for n, k in self.arrays.items() if k.when == when}


def of(plan: Plan) -> Layout:
    """The layout of an experiment in its world. Raises InputError for probes that do not go together, or keep too much."""
    experiment, asked = plan.experiment, plan.probes
    by_probe = {name: coordinates(plan, name, probe) for name, probe in asked.items()}
    lengths = {
        "point": len(experiment.targets(next(iter(experiment.rules)))),
        "evaluation": len(experiment.evaluations),
    }
    lengths["record"] = RECORDS
    axes: dict[str, Any] = {}
    for name, found in by_probe.items():
        for axis, along in found.items():
            if axis in TAKEN or axes.setdefault(axis, along) != along:
                raise InputError(
                    f"probe {name} has an axis {axis!r} that another one, or every run, has; allowed: another name"
                )
    lengths |= {axis: length(along) for axis, along in axes.items()}
    arrays = {name: _kept(name, "point", lengths, about, each=False) for name, about in OWN.items()}
    if any(probe.when == "update" for probe in asked.values()):
        arrays |= {name: _kept(name, "update", lengths, about) for name, about in RECORDED.items()}
    for name, probe in asked.items():
        for array, about in probe.arrays.items():
            if array in arrays or array in TAKEN or array in axes:
                raise InputError(
                    f"probe {name} keeps {array!r}, as another one, or every run, does; allowed: another name"
                )
            arrays[array] = _kept(array, probe.when, lengths, about)
    told = dict(ALONG)
    for name, probe in asked.items():
        for axis, where in by_probe[name].items():
            text = probe.along.get(axis, f"an axis of what the probe {Path(name).stem} measures")
            told.setdefault(axis, Array((), text, "number" if isinstance(where, int) else "name"))
    layout = Layout(arrays, axes, by_probe, told)
    bytes_ = size(experiment, layout)
    if bytes_ > BINARY:
        raise InputError(
            f"probes = {', '.join(asked)} keep {bytes_:,} bytes of this experiment; allowed: at most {BINARY:,}, "
            "so fewer seeds, points, episodes or probes"
        )
    return layout


def size(experiment: Experiment, layout: Layout) -> int:
    """Bytes of all arrays in the results, which have room for the most seeds of any rule."""
    cells = len(experiment.rules) * len(experiment.conditions)
    most = max(experiment.seeds_of(rule, name) for rule in experiment.rules for name in experiment.conditions)
    return cells * most * sum(int(np.prod(kept.shape)) * kept.dtype.itemsize for kept in layout.arrays.values())


def _kept(name: str, when: str, lengths: Mapping[str, int], about: Array, each: bool = True) -> Kept:
    dims = (*(probes.WHEN[when] if each else probes.WHEN[when][:1]), *about.axes)
    dtype = np.dtype(np.float64 if name in WIDE else np.float32)
    return Kept(dims, tuple(lengths[dim] for dim in dims), dtype, when, about)


def coordinates(plan: Plan, name: str, probe: Probe) -> Coordinates:
    """The coordinates of a probe's own axes. Raises InputError for a probe that does not say them."""
    given = probe.axes(plan)
    needed = {axis for array in probe.arrays.values() for axis in array.axes}
    good = isinstance(given, Mapping) and needed == {*given}
    for along in given.values() if good else ():
        texts = (
            isinstance(along, (tuple, list))
            and all(isinstance(text, str) for text in along)
            and len({*along}) == len(along)
        )
        number = isinstance(along, int) and not isinstance(along, bool) and along > 0
        good = good and (number or texts)
    if not good:
        raise InputError(
            f"axes of probe {name} gives {show(given, 80)}; allowed: a dict of {', '.join(sorted(needed)) or 'nothing'}, each "
            "with different names, or a length"
        )
    return {axis: tuple(along) if isinstance(along, (tuple, list)) else along for axis, along in given.items()}
