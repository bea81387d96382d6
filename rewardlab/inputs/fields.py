"""The fields of frozen dataclasses: values checked against their annotations, and read from text.

A field's annotation says its type; its metadata may hold {"range": (lowest, highest)}, both included, and for a float
{"search": (lowest, highest, scale)}, where tuning looks (`space.py`). An int without a range is a size: at least 1, or
at least 0 where 0 is its default. Floats have to be finite in 32 bits, which is what is computed with.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import operator
import re
import types
import typing
from collections.abc import Mapping, Sequence
from fractions import Fraction
from numbers import Integral, Real
from typing import Any, Literal, TypeVar

from rewardlab.inputs.errors import InputError, out_of_range, show, unknown, wrong_type

T = TypeVar("T")
LARGEST_SIZE = 2**31 - 1
LARGEST_FLOAT = (2 - 2**-23) * 2.0**127  # of 32 bits
MOST_STEPS = 2 * 10**9  # of a seed's life: counted in 32 bits, where the update that ends it has room, too


@functools.lru_cache(maxsize=256)
def hints(cls: type) -> dict[str, Any]:
    """{field: type} of a dataclass's constructor."""
    resolved = typing.get_type_hints(cls)
    return {f.name: resolved[f.name] for f in dataclasses.fields(cls) if f.init}


def bounds(field: dataclasses.Field, hint: Any) -> tuple[float, float] | None:
    """The lowest and highest allowed number of a field, or None."""
    kinds = {hint, *typing.get_args(hint)}
    if "range" in field.metadata:
        return field.metadata["range"]
    return (0 if field.default == 0 else 1, LARGEST_SIZE) if int in kinds and bool not in kinds else None


def whole(default: int, lowest: int, highest: int) -> Any:
    """The field of a dataclass that is a whole number within bounds."""
    return dataclasses.field(default=default, metadata={"range": (lowest, highest)})


def checked(instance: Any, where: str = "", arrays: bool = False) -> Any:
    """A dataclass instance with every field of its annotated type: ints made floats and lists tuples, where asked for.

    where: prefix of the field names in messages. arrays: float fields may be arrays, with every entry in range.
    A field may bring a `check` in its metadata, (value, name) -> value, and an instance a `check()` of its own, for what concerns
    several fields. Raises InputError.
    """
    changes: dict[str, Any] = {}
    kind: type = type(instance)
    for field in dataclasses.fields(instance):
        if not field.init:
            continue
        hint, value = hints(kind)[field.name], getattr(instance, field.name)
        name = f"{where}.{field.name}" if where else field.name
        new = coerce(value, hint, name, bounds(field, hint), arrays)
        new = field.metadata["check"](new, name) if "check" in field.metadata else new
        if new is not value:
            changes[field.name] = new
    instance = dataclasses.replace(instance, **changes) if changes else instance
    if hasattr(instance, "check"):
        instance.check()
    return instance


def coerce(value: Any, hint: Any, where: str, limits: tuple[float, float] | None = None, arrays: bool = False) -> Any:
    """`value` as the type that `hint` names. Raises InputError that says what is allowed."""
    limits = (-LARGEST_FLOAT, LARGEST_FLOAT) if hint is float and not limits else limits
    allowed = describe(hint, limits)
    if getattr(value, "ndim", None) == 0 and not arrays:  # a numpy or jax scalar
        value = value.item()
    if hint is Any or hint is object:
        return value
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        options = [option for option in typing.get_args(hint) if option is not types.NoneType]
        if value is None and len(options) < len(typing.get_args(hint)):
            return None
        if len(options) == 1:
            return coerce(value, options[0], where, limits, arrays)
        if isinstance(value, tuple(typing.get_origin(option) or option for option in options)):
            return value
        raise wrong_type(where, value, allowed)
    if typing.get_origin(hint) is Literal:
        if value not in typing.get_args(hint):
            raise unknown(where, value, map(str, typing.get_args(hint)))
        return value
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, (tuple, list)):
            raise wrong_type(where, value, allowed)
        return tuple(coerce(item, typing.get_args(hint)[0], where, limits, arrays) for item in value)
    if hint is float and arrays and hasattr(value, "dtype"):
        return _array(value, where, limits, allowed)
    if hint in (int, float):
        return _number(value, hint, where, limits, allowed)
    kind = typing.get_origin(hint) or hint
    if not isinstance(value, kind):
        raise wrong_type(where, value, allowed)
    if kind is str and not storable(value):
        raise InputError(
            f"{where} = {show(value)} can't be stored; allowed: a text of Unicode characters, NUL left out"
        )
    return checked(value, where, arrays) if dataclasses.is_dataclass(value) else value


def fits(value: Any, hint: Any) -> bool:
    """Whether a value that was read from JSON is of a type: dict[str, X], list[X], X | Y, bool, int, float, str, None, Any.

    {name: type} stands for an object that has at least those. An int counts as a float; numbers are finite and those that
    64 bits hold.
    """
    inner = typing.get_args(hint)
    if isinstance(hint, dict):
        return isinstance(value, dict) and all(name in value and fits(value[name], of) for name, of in hint.items())
    if isinstance(hint, types.UnionType):
        return any(fits(value, option) for option in inner)
    if typing.get_origin(hint) is dict:
        return isinstance(value, dict) and all(fits(item, inner[1]) for item in value.values())
    if typing.get_origin(hint) is list:
        return isinstance(value, list) and all(fits(item, inner[0]) for item in value)
    if hint in (int, float):
        is_number = isinstance(value, (int, hint)) and not isinstance(value, bool)
        return is_number and abs(value) < 2**63 and math.isfinite(value)
    return hint is Any or isinstance(value, hint or types.NoneType)


def expect(plain: Any, where: str, needed: dict[str, Any], also: dict[str, Any] | None = None) -> dict[str, Any]:
    """A JSON object whose entries are of the types that they should be of, `also` those that may be missing; others may be there.

    A digest says that a file is whole, not who made it: what is read is used as these types without a further look.
    Raises InputError.
    """
    if not isinstance(plain, dict):
        raise wrong_type(where, plain, "a JSON object")
    for name, hint in {**needed, **(also or {})}.items():
        if name not in plain and name not in needed:
            continue
        if name not in plain or not fits(plain[name], hint):
            given = show(plain[name]) if name in plain else "missing"
            raise InputError(f"{where} is not as it was written: {name} is {given}; allowed: {_type(hint)}")
    return plain


def _type(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint).replace("typing.", "")


def storable(text: str) -> bool:
    """Whether files can hold a text: bytes of the command line that were no UTF-8 have no encoding, HDF5 ends at a NUL."""
    return "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


def describe(hint: Any, limits: tuple[float, float] | None = None) -> str:
    """What a type allows, in words."""
    within = ""
    if limits and hint in (int, float):
        lowest, highest = (f"{limit:g}" if hint is float else str(limit) for limit in limits)
        within = f", at least {lowest}" if limits[1] == LARGEST_SIZE else f" from {lowest} to {highest}"
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return " or ".join(describe(option, limits) for option in typing.get_args(hint))
    if typing.get_origin(hint) is Literal:
        return ", ".join(map(str, typing.get_args(hint)))
    if typing.get_origin(hint) is tuple:
        return f"a list, each {describe(typing.get_args(hint)[0], limits)}"
    if typing.get_origin(hint) is dict and typing.get_args(hint)[1] is not Any:
        return f"a dict {{name: {describe(typing.get_args(hint)[1], limits)}}}"
    words = {
        int: "a whole number",
        float: "a finite number",
        bool: "true or false",
        str: "a text",
        types.NoneType: "none",
        Any: "",
        object: "",
    }
    return words.get(hint, f"a {getattr(hint, '__name__', hint)}") + within


def parse(words: Sequence[str], hint: Any, where: str) -> Any:
    """Text from the command line as the type that `hint` names; the range is checked later, by `checked`. Whole numbers may be
    given as 500k, 1M or 2e6.
    """
    if typing.get_origin(hint) is tuple:
        parts = [part for word in words for part in word.replace(",", " ").split()]
        return tuple(parse([part], typing.get_args(hint)[0], where) for part in parts)
    if hint is bool and not words:
        return True
    if len(words) != 1:
        raise InputError(f"{where} got {len(words)} values; allowed: {describe(hint)}")
    word = words[0]
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        options = typing.get_args(hint)
        if types.NoneType in options and word.lower() == "none":
            return None
        return parse(words, next(option for option in options if option is not types.NoneType), where)
    if hint is bool:
        if word.lower() not in ("true", "false"):
            raise InputError(f"{where} = {show(word)}; allowed: {describe(hint)}")
        return word.lower() == "true"
    if hint in (int, float):
        return _parse_number(word, hint, where)
    return word


def parse_free(word: str) -> bool | int | float | str:
    """Text whose type nothing declares, as a JSON value would be read: true, 3, 0.5, or a text."""
    if word.lower() in ("true", "false"):
        return word.lower() == "true"
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word


THOUSANDS = {"k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9}  # 500k, 1M, 1.5M, 2G
_SHORT = re.compile(r"(?P<number>[+-]?[0-9]{1,20}(\.[0-9]{1,20})?)(?P<unit>[kmgbKMGB])")


def _parse_number(word: str, kind: type, where: str) -> int | float:
    try:
        return kind(word)
    except ValueError:
        pass
    if kind is int and (found := _SHORT.fullmatch(word.strip())):
        exact = Fraction(found["number"]) * THOUSANDS[found["unit"].lower()]
        if exact.denominator == 1:
            return int(exact)
    try:  # 1e6 is a whole number, too
        if float(word).is_integer():
            return int(float(word))
    except ValueError:
        pass
    raise InputError(f"{where} = {show(word)}; allowed: {describe(kind)}")


def _number(value: Any, kind: type, where: str, limits: tuple[float, float] | None, allowed: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, Integral if kind is int else Real):
        raise wrong_type(where, value, allowed)
    try:
        number = kind(value)
    except OverflowError:
        raise out_of_range(where, value, allowed) from None
    finite = kind is int or math.isfinite(number)  # isfinite can't take an int that no float can hold
    if not finite or (limits and not limits[0] <= number <= limits[1]):
        raise out_of_range(where, value, allowed)
    return value if type(value) is kind else number


def _array(value: Any, where: str, limits: tuple[float, float] | None, allowed: str) -> Any:
    import jax
    import jax.numpy as jnp
    import numpy as np

    if not jnp.issubdtype(value.dtype, jnp.floating):
        raise wrong_type(where, show(value, 40), f"{allowed}, or a float array of them")
    if not isinstance(value, jax.core.Tracer):  # the values of a traced array are not known yet
        lowest, highest = limits or (-math.inf, math.inf)
        inside = np.asarray(value, np.float64)
        if not (np.isfinite(inside).all() and (inside >= lowest).all() and (inside <= highest).all()):
            raise out_of_range(where, value, f"{allowed}, or a float array of them")
    return value


def divides(name: str, value: int, of: str, whole: int) -> None:
    """Raises InputError unless `value` divides `whole`."""
    if whole % value:
        raise InputError(f"{of} = {whole} can't be split by {name} = {value}; allowed: multiples of {value}")


def at_most(name: str, value: int, of: str, limit: int) -> None:
    """Raises InputError unless `value` is at most `limit`."""
    if value > limit:
        raise out_of_range(name, value, f"at most {of} = {limit}")


def renamed(kind: Any, given: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Values of fields, {name: value}, by the names that the fields have today: `kind.was` is {old name: today's}.

    Raises InputError where both names of one field are given.
    """
    own, found = {f.name for f in dataclasses.fields(kind)}, dict[str, Any]()
    for name, value in given.items():
        now = name if name in own else getattr(kind, "was", {}).get(name, name)
        if now in found:
            raise InputError(f"{where} has {now} twice, once by the name that it had before; allowed: {now} alone")
        found[now] = value
    return found


def reads_old_names(kind: type[T]) -> type[T]:
    """A dataclass whose fields are also given, and read, by the names that they had before, which `kind.was` tells.

    Where both are given, the old one counts: `dataclasses.replace` gives all fields by the names that they have today.
    """
    begin, was = kind.__init__, kind.was  # type: ignore[attr-defined]

    @functools.wraps(begin)
    def init(self: Any, *values: Any, **named: Any) -> None:
        older = {was[old]: named.pop(old) for old in was if old in named}
        begin(self, *values, **named | older)

    kind.__init__ = init  # type: ignore[method-assign]
    for old, new in was.items():
        setattr(kind, old, property(operator.attrgetter(new)))
    return kind
