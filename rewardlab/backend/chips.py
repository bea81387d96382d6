"""TPU chips by name: what their maker says of them, one line a chip.

Sources: Google Cloud's pages of each version (cloud.google.com/tpu/docs/v4, v5e, v5p, v6e): peak of bfloat16 products, main
memory and its bandwidth, slices. The clock, which turns the compiler's cycles into seconds, is not among them. For v4, v5e and v5p
it follows from the peak, by 4 matrix units of 128 x 128 a core; for v6e it is the one with which the compiler's cycles of a copy
stand to the bandwidth as they do on v5e.
"""

from __future__ import annotations

from typing import NamedTuple

from rewardlab.inputs.errors import InputError, show, unknown


class Chip(NamedTuple):
    """name, kind: ours, and jax's. flops: of bfloat16 products a second. memory: bytes. bandwidth: of the memory, bytes a second.
    clock: cycles a second. slices: how many chips each has, {shape: chips}. accelerator: the word for it in names of types.
    """

    name: str
    flops: float
    memory: int
    bandwidth: float
    clock: float
    slices: dict[str, int]
    accelerator: str
    config: str = "default"  # of the compiler: whether both cores of a chip work as one


def _flat(*shapes: str) -> dict[str, int]:
    return {shape: _chips(shape) for shape in shapes}


def _chips(shape: str) -> int:
    count = 1
    for side in shape.split("x"):
        count *= int(side)
    return count


GIB = 2**30
FLAT = _flat("2x2", "2x4", "4x4", "4x8", "8x8", "8x16", "16x16")
CUBES = _flat("2x2x1", "2x2x2", "2x2x4", "2x4x4", "4x4x4", "4x4x8", "4x8x8", "8x8x8")
CHIPS = {
    chip.name: chip
    for chip in (
        Chip("v4", 275e12, 32 * GIB, 1228e9, 1.05e9, CUBES, "v4", "megacore"),
        Chip("v5e", 197e12, 16 * GIB, 819e9, 1.5e9, FLAT, "v5litepod"),
        Chip("v5p", 459e12, 95 * GIB, 2765e9, 1.75e9, CUBES, "v5p", "megacore"),
        Chip("v6e", 918e12, 32 * GIB, 1640e9, 1.75e9, FLAT, "v6e"),
    )
}


def chip(name: str) -> Chip:
    """The chip of this name. Raises InputError for one that is not in the table."""
    if name not in CHIPS:
        raise unknown("chip", name, CHIPS)
    return CHIPS[name]


def slice_of(given: Chip, shape: str | None) -> int:
    """How many chips a slice of this shape has, None: one chip alone. Raises InputError for a shape that is not offered."""
    if shape is None:
        return 1
    if shape not in given.slices:
        raise InputError(f"slice = {show(shape)} is none of {given.name}'s; allowed: {', '.join(given.slices)}")
    return given.slices[shape]


def of_type(name: str) -> tuple[Chip, int]:
    """The chip and how many of them, of a type as the cloud names it: v5litepod-8 has 8 chips; of v4 and v5p cores are counted, 2 a
    chip. Raises InputError for a type that there is not.
    """
    word, _, number = name.rpartition("-")
    for one in CHIPS.values():
        each = 2 if one.config == "megacore" else 1
        sizes = {1: 1} if each == 1 else {}
        sizes |= {chips * each: chips for chips in one.slices.values()}
        if one.accelerator == word and number in map(str, sizes):
            return one, sizes[int(number)]
        if one.accelerator == word:
            allowed = ", ".join(f"{word}-{size}" for size in sizes)
            raise InputError(f"type {show(name)} is none of {one.name}'s; allowed: {allowed}")
    raise unknown("type", name, [f"{one.accelerator}-8" for one in CHIPS.values()])
