"""What a function computes, as a digest of its traced program: the same in every process, with another digest for another program.

The digest of a value is made from that of its equation and those of the equation's inputs, from the inputs of the program on.
So neither what variables and functions are called counts, nor the order of equations, nor what nothing depends on.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from rewardlab.auditing.jaxprs import Call, Cond, Program, Scan, UnknownForm, While, inside, program

SEEN = {"debug_callback", "debug_print"}  # show values, and give none


class Unidentified(Exception):
    """A program does something that can't be told from something else, such as calling Python. Says what, in few words."""


def digest(function: Callable, *arguments: Any) -> str:
    """16 hexadecimal digits for what function(*arguments) computes, given the arguments' shapes and dtypes, not their values.

    Raises Unidentified, and whatever the function raises while it is traced.
    """
    return _program(program(jax.make_jaxpr(function)(*arguments)), {})[:16]


def of_values(tree: Any) -> str:
    """16 hexadecimal digits for a pytree of arrays and numbers: paths, dtypes, shapes and bytes. Raises Unidentified."""
    return _hash(*((jax.tree_util.keystr(path), _text(x)) for path, x in jax.tree_util.tree_leaves_with_path(tree)))[
        :16
    ]


def _hash(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _program(given: Program, known: dict[int, str]) -> str:
    """The digest of a program; `known` has those of programs met before, by the identity of their jaxprs."""
    jaxpr = given.jaxpr
    if id(jaxpr) in known:
        return known[id(jaxpr)]
    values = {v: _hash("constant", _text(x)) for v, x in zip(jaxpr.constvars, given.consts, strict=True)}
    values |= {v: _hash("input", i, _type(v)) for i, v in enumerate(jaxpr.invars)}
    effects = ""

    def read(atom):
        return _hash("literal", _type(atom), _text(atom.val)) if isinstance(atom, Literal) else values[atom]

    for eqn in jaxpr.eqns:
        if eqn.primitive.name in SEEN:
            continue
        what = (eqn.primitive.name, _parameters(eqn, known), *map(read, eqn.invars))
        ordered = any("Debug" not in type(effect).__name__ for effect in eqn.effects)  # reads and writes in turn
        effects = _hash(effects, what) if ordered else effects
        for i, v in enumerate(eqn.outvars):
            values[v] = _hash(what, i, _type(v), effects if ordered else "")
    known[id(jaxpr)] = _hash("program", [_type(v) for v in jaxpr.invars], [read(v) for v in jaxpr.outvars], effects)
    return known[id(jaxpr)]


def _parameters(eqn, known) -> Any:
    """What an equation does to its inputs, as text."""
    try:
        inner = inside(eqn)
    except UnknownForm:
        raise Unidentified(f"programs of a kind that is not known in {eqn.primitive.name}") from None
    programs = [_program(p, known) for p in getattr(inner, "programs", ())]
    match inner:
        case Call() | Cond():  # what else they have is names, and derivatives, which tracing has made use of
            return programs
        case Scan(_, consts, carries, length):
            return (programs, consts, carries, length, bool(eqn.params["reverse"]))
        case While(_, _, tests, bodies):
            return (programs, tests, bodies)
    try:
        return [(name, _text(value, known)) for name, value in sorted(eqn.params.items())]
    except Unidentified as problem:
        raise Unidentified(f"{problem} in {eqn.primitive.name}") from None


def _type(v) -> str:
    aval = v.aval
    if hasattr(aval, "dtype") and hasattr(aval, "shape"):
        return f"{type(aval).__name__} {aval.dtype}{list(aval.shape)}{'*' if getattr(aval, 'weak_type', False) else ''}"
    return _text(aval)


def _text(value: Any, known: dict[int, str] | None = None) -> str:
    """A value as text that is the same in every process."""
    if hasattr(value, "key_shape"):  # a kind of random key, which is a tuple
        return str(value.tag)
    match value:
        case Jaxpr() | ClosedJaxpr():
            return _program(program(value), {} if known is None else known)
        case None | bool() | int() | float() | complex() | str() | bytes():
            return repr(value)
        case enum.Enum():
            return str(value)
        case type():
            return f"{value.__module__}.{value.__qualname__}"
        case dict():
            return str({_text(k, known): _text(value[k], known) for k in sorted(value, key=str)})
        case set() | frozenset():
            return str(sorted(_text(x, known) for x in value))
        case tuple() | list():
            return f"{type(value).__name__}{[_text(x, known) for x in value]}"
    if isinstance(value, (np.ndarray, np.generic, jax.Array)) or hasattr(value, "__array__"):
        return _array(value)
    if callable(value):
        raise Unidentified("a Python function")
    text = repr(value)
    if " at 0x" in text:
        raise Unidentified(f"a {type(value).__name__}")
    return text


def _array(value: Any) -> str:
    if jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key):
        return f"{value.dtype}{_array(jax.random.key_data(value))}"
    value = np.ascontiguousarray(value)
    if value.dtype.hasobject:
        raise Unidentified("an array of objects")
    return f"{value.dtype.str}{list(np.shape(value))}{hashlib.sha256(value.tobytes()).hexdigest()}"
