"""What the text of a program that was compiled for a TPU says that it costs: cycles, each operation weighed by how often it runs.

The compiler writes an estimate of its cycles to nearly every operation. A loop's body counts as often as the loop turns, of the
branches of a conditional the dearest one counts, and a call counts what it calls. Bytes are those of operands and results in the
chip's main memory, padded as they lie there; of what is only sliced, gathered from or written into, the part that is touched.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator
from typing import NamedTuple

BITS = {
    "pred": 8,
    "token": 0,
    "opaque": 0,
    "c64": 64,
    "c128": 128,
}  # others have their bits in their name: f32, bf16, s4
FREE = {
    "parameter",
    "constant",
    "tuple",
    "get-tuple-element",
    "bitcast",
    "after-all",
    "partition-id",
    "add-dependency",
    "domain",
}
SHAPE = re.compile(r"([a-z]\w*)\[([\d,]*)\](?:\{([^}]*)\})?")
HEAD = re.compile(r"^(ENTRY )?%?([\w.\-]+) \(.*\{$")
NAME = re.compile(r"%([\w.\-]+)")
CYCLES = re.compile(r'"estimated_cycles":"(\d+)"')
TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"')
FRAME = re.compile(r"stack_frame_id=(\d+)")


class Operation(NamedTuple):
    """One operation of a compiled program, all the times that it runs.

    kind: XLA's word for it. function: the function of the source that asked for it, "file.py:function", or "". runs: how often it
    runs. cycles, bytes, flops: of all of its runs. shape: of its result, as the compiler lays it out.
    """

    name: str
    kind: str
    function: str
    runs: float
    cycles: float
    bytes: float
    flops: float
    shape: str


class Cost(NamedTuple):
    """cycles, bytes, flops: of a whole program. operations: what they are made of, the dearest first. open_loops: names of loops
    whose turns are not in the text, counted as if they turned once. unpriced: {kind: runs} of what has no estimate.
    """

    cycles: float
    bytes: float
    flops: float
    operations: tuple[Operation, ...]
    open_loops: tuple[str, ...]
    unpriced: dict[str, float]


class Line(NamedTuple):
    """An instruction as the text has it. shape: its result's type, operands: names, rest: its attributes."""

    name: str
    shape: str
    kind: str
    operands: tuple[str, ...]
    arguments: str
    rest: str
    root: bool


def cost(text: str) -> Cost:
    """The cost of a compiled program, from `compiled.as_text()`. ValueError: it is not the text of a compiled program."""
    program = Program(text)
    return program.cost(program.entry)


def turn(text: str) -> Cost:
    """The cost of one turn of a program's outermost loop, of which nothing says how often it turns: of an update of `advance`,
    without what is done once before it. ValueError: it is not the text of a compiled program, or has no such loop.
    """
    program = Program(text)
    for line in program.computations[program.entry].values():
        if line.kind == "while" and program.turns(line) is None:
            return program.cost(_called(line, "body"))
    raise ValueError("no loop whose turns are not known")


class Program:
    """The text of a compiled program, taken apart: computations {name: {instruction's name: Line}}."""

    def __init__(self, text: str):
        self.computations: dict[str, dict[str, Line]] = {}
        self.entry = ""
        self.functions = _functions(text)
        here: dict[str, Line] | None = None
        for row in text.splitlines():
            if head := HEAD.match(row):
                here = self.computations.setdefault(head[2], {})
                self.entry = head[2] if head[1] else self.entry
            elif row.startswith("}"):
                here = None
            elif here is not None and (line := _line(row)):
                here[line.name] = line
        if not self.entry:
            raise ValueError("no ENTRY computation: not the text of a compiled program")

    def cost(self, computation: str) -> Cost:
        found: dict[tuple[str, str], Operation] = {}
        open_loops: dict[str, None] = {}
        unpriced: dict[str, float] = {}
        for where, line, runs in self._walk(computation, 1.0, open_loops):
            cycles = CYCLES.search(line.rest)
            if cycles is None and line.kind not in FREE and not line.kind.endswith(("-start", "-done")):
                unpriced[line.kind] = unpriced.get(line.kind, 0.0) + runs
            one = Operation(
                line.name,
                line.kind,
                self._function(line),
                runs,
                runs * float(cycles[1]) if cycles else 0.0,
                runs * self._bytes(where, line),
                runs * self._flops(where, line),
                line.shape,
            )
            before = found.get((where, line.name))
            if before:  # a computation that is called in several places
                sums = {x: getattr(before, x) + getattr(one, x) for x in ("runs", "cycles", "bytes", "flops")}
                one = before._replace(**sums)
            found[where, line.name] = one
        operations = tuple(sorted(found.values(), key=lambda one: -one.cycles))
        total = {x: sum(getattr(one, x) for one in operations) for x in ("cycles", "bytes", "flops")}
        return Cost(**total, operations=operations, open_loops=tuple(open_loops), unpriced=unpriced)

    def _walk(self, name: str, runs: float, open_loops: dict[str, None]) -> Iterator[tuple[str, Line, float]]:
        """(computation, instruction, how often it runs) of all that runs when a computation does."""
        for line in self.computations.get(name, {}).values():
            if line.kind == "while":
                turns = self.turns(line)
                if turns is None:
                    turns, open_loops[line.name] = 1, None
                yield from self._walk(_called(line, "body"), runs * turns, open_loops)
                yield from self._walk(_called(line, "condition"), runs * (turns + 1), open_loops)
            elif line.kind == "conditional":
                branches = [list(self._walk(branch, runs, open_loops)) for branch in _branches(line)]
                yield from max(branches, key=_priced, default=[])
            elif line.kind in ("call", "async-start"):
                yield from self._walk(_called(line, "to_apply") or _called(line, "calls"), runs, open_loops)
            else:
                yield name, line, runs

    def turns(self, loop: Line) -> int | None:
        """How often a loop turns: as the compiler says, or as its condition shows, a counter that goes by 1, from a constant or
        from 0, up to a constant.
        """
        if known := TRIPS.search(loop.rest):
            return int(known[1])
        test = self.computations.get(_called(loop, "condition"), {})
        compared = [
            line for line in test.values() if line.root and line.kind == "compare" and "direction=LT" in line.rest
        ]
        for line in compared:
            counter, bound = (test.get(name) for name in (*line.operands, "", "")[:2])
            if counter and bound and counter.kind == "get-tuple-element" and bound.kind == "constant":
                return int(bound.arguments) - self._start(loop, counter) if bound.arguments.isdigit() else None
        return None

    def _start(self, loop: Line, counter: Line) -> int:
        """What a loop's counter begins with, where that is a constant; else 0."""
        around = next(lines for lines in self.computations.values() if lines.get(loop.name) is loop)
        given, index = around.get(loop.operands[0]), re.search(r"index=(\d+)", counter.rest)
        if given is None or given.kind != "tuple" or index is None:
            return 0
        first = around.get(given.operands[int(index[1])])
        return int(first.arguments) if first and first.kind == "constant" and first.arguments.isdigit() else 0

    def _function(self, line: Line) -> str:
        frame = FRAME.search(line.rest)
        return self.functions(int(frame[1])) if frame else ""

    def _inner(self, line: Line) -> dict[str, Line]:
        return self.computations.get(_called(line, "calls"), {}) if line.kind == "fusion" else {}

    def _bytes(self, where: str, line: Line) -> float:
        if line.kind in FREE or line.kind.endswith("-done"):
            return 0.0
        if line.kind.endswith("-start"):  # its result holds what it copies, the copy, and what it is waited for by
            copied = [_array(kind, dims, layout.partition("S(")[0]) for kind, dims, layout in SHAPE.findall(line.shape)]
            return min((x for x in copied if x >= 64), default=0.0)
        around = self.computations[where]
        shapes = [around[name].shape if name in around else "" for name in line.operands]
        if not (inner := self._inner(line)):
            inner = {
                f"operand {i}": Line(f"operand {i}", x, "parameter", (), str(i), "", False)
                for i, x in enumerate(shapes)
            }
            inner[line.name] = line._replace(operands=tuple(inner), root=True)
        touched = sum(_read(inner, number, shape) for number, shape in enumerate(shapes))
        return touched + _written(inner, line.shape)

    def _flops(self, where: str, line: Line) -> float:
        inside = self._inner(line) or {line.name: line}
        around = self._inner(line) or self.computations[where]
        found = 0.0
        for one in inside.values():
            if one.kind == "fusion":
                found += self._flops("", one)
            elif one.kind in ("convolution", "dot"):
                found += _product(one, around)
        return found


def _line(row: str) -> Line | None:
    name, equals, rest = row.strip().partition(" = ")
    if not equals:
        return None
    root, name = name.startswith("ROOT "), name.removeprefix("ROOT ").lstrip("%")
    end = _closed(rest) if rest.startswith("(") else rest.find(" ")
    shape, rest = rest[:end], rest[end:].lstrip()
    kind, bracket, _ = rest.partition("(")
    if not bracket or not re.fullmatch(r"[a-z][\w\-]*", kind):
        return None
    end = len(kind) + _closed(rest[len(kind) :])
    inside = rest[len(kind) + 1 : end - 1]
    return Line(name, shape, kind, tuple(NAME.findall(inside)), inside, rest[end:], root)


def _closed(text: str) -> int:
    """Where the bracket that a text begins with is closed: the index after it."""
    depth = 0
    for i, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if not depth:
            return i + 1
    return len(text)


def _called(line: Line, attribute: str) -> str:
    found = re.search(rf"\b{attribute}=%?([\w.\-]+)", line.rest)
    return found[1] if found else ""


def _branches(line: Line) -> list[str]:
    found = re.search(r"branch_computations=\{([^}]*)\}", line.rest)
    return NAME.findall(found[1]) if found else re.findall(r"(?:true|false)_computation=%?([\w.\-]+)", line.rest)


def _priced(walked) -> float:
    return sum(runs * float(cycles[1]) for _, line, runs in walked if (cycles := CYCLES.search(line.rest)))


def size(shape: str) -> float:
    """Bytes that arrays of this type take in the chip's main memory, padded as they lie there; 0 of what lies elsewhere."""
    return sum(_array(*found) for found in SHAPE.findall(shape))


@functools.cache
def _array(kind: str, dims: str, layout: str) -> float:
    if re.search(r"S\([1-9]\d*\)", layout):  # another memory, beside the processor
        return 0.0
    sizes = [int(x) for x in dims.split(",") if x]
    order, _, tiling = layout.partition(":")
    minor = [int(x) for x in order.split(",") if x.isdigit()] or list(range(len(sizes)))[::-1]
    tile = re.match(r"T\(([\d,]+)\)", tiling)
    for axis, multiple in zip(minor, [int(x) for x in tile[1].split(",")][::-1] if tile else [], strict=False):
        sizes[axis] = -(-sizes[axis] // multiple) * multiple
    digits = re.search(r"\d+", kind)
    bits = BITS.get(kind, int(digits[0]) if digits else 0)
    return math.prod(sizes) * bits / 8


def _read(inner: dict[str, Line], number: int, shape: str) -> float:
    """Bytes read of an operand, given as parameter `number` of what is computed with it."""
    mine = next((x.name for x in inner.values() if x.kind == "parameter" and x.arguments == str(number)), None)
    users = [x for x in inner.values() if mine in x.operands]
    part = {"dynamic-slice", "gather", "slice", "dynamic-update-slice", "scatter"}
    if not users or any(x.kind not in part or x.operands[0] != mine for x in users):
        return size(shape)
    return min(size(shape), sum(0.0 if x.kind in ("dynamic-update-slice", "scatter") else size(x.shape) for x in users))


def _written(inner: dict[str, Line], shape: str) -> float:
    root = next((x for x in inner.values() if x.root), None)
    if root and root.kind == "dynamic-update-slice" and root.operands[1] in inner:
        return min(size(shape), size(inner[root.operands[1]].shape) or size(shape))
    return size(shape)


def _product(line: Line, around: dict[str, Line]) -> float:
    """Floating-point operations of a matrix product or convolution: two for each term of each sum."""
    shapes = [_sizes(around[name].shape) if name in around else [] for name in line.operands[:2]]
    results, right = math.prod(_sizes(line.shape)), shapes[1] if len(shapes) > 1 else []
    if line.kind == "dot":
        summed = re.search(r"rhs_contracting_dims=\{([\d,]*)\}", line.rest)
        return 2.0 * results * math.prod(right[int(i)] for i in summed[1].split(",") if i) if summed else 0.0
    labels = re.search(r"dim_labels=\w+_(\w+)->", line.rest)
    if not labels or len(labels[1]) != len(right):
        return 0.0
    # A product of many pairs is written as a convolution whose window is dilated, so that each pair meets itself alone.
    pairs = "lhs_dilate=" in line.rest
    terms = [n for n, label in zip(right, labels[1], strict=True) if label == "i" or (label != "o" and not pairs)]
    return 2.0 * results * math.prod(terms)


def _sizes(shape: str) -> list[int]:
    found = SHAPE.search(shape)
    return [int(x) for x in found[2].split(",") if x] if found else []


def _functions(text: str):
    """A function: number of a stack frame -> "file.py:function", of the innermost frame that has a name of its own."""
    tables: dict[str, dict[int, str]] = {}
    titles, table = ("FileNames", "FunctionNames", "FileLocations", "StackFrames"), None
    for row in text.splitlines():
        if row in titles:
            table = tables.setdefault(row, {})
        elif table is not None and row[:1].isdigit():
            number, _, rest = row.partition(" ")
            table[int(number)] = rest
        elif row:
            table = None

    def field(row: str, name: str) -> int:
        found = re.search(rf"\b{name}=(\d+)", row)
        return int(found[1]) if found else 0

    @functools.cache
    def named(frame: int) -> str:
        while row := tables.get("StackFrames", {}).get(frame):
            place = tables.get("FileLocations", {}).get(field(row, "file_location_id"), "")
            file = tables.get("FileNames", {}).get(field(place, "file_name_id"), "").strip('"').rpartition("/")[2]
            function = tables.get("FunctionNames", {}).get(field(place, "function_name_id"), "").strip('"')
            parts = [part for part in function.split(".") if part not in ("<locals>", "<lambda>")]
            if parts and not function.endswith("<lambda>"):
                return f"{file}:{'.'.join(parts)}"
            parent = field(row, "parent_frame_id")
            if parent in (frame, 0):
                return f"{file}:{'.'.join(parts) or function}"
            frame = parent
        return ""

    return named
