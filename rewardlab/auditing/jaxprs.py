"""The programs inside an equation of a jaxpr: the one place that knows how each supported jax writes them down.

jax 0.10 counts a scan's constants and carries (`num_consts`, `num_carry`) and keeps a program's constants in a ClosedJaxpr.
jax 0.11 has a tree of each (`ft_in`) and keeps constants in the Jaxpr itself. jax promises nothing about either, so what is
read is checked, and what is not understood is refused in one line.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
from jax.extend.core import Jaxpr, JaxprEqn

from rewardlab.inputs.errors import InputError


class UnknownForm(InputError):
    """A traced program has an equation whose inner programs can't be followed."""


class Program(NamedTuple):
    """A program and its constants."""

    jaxpr: Jaxpr
    consts: tuple[Any, ...]


class Call(NamedTuple):
    """One program is run on the equation's inputs, and its outputs are the equation's. plain: it may be written out in place."""

    program: Program
    plain: bool

    @property
    def programs(self):
        return (self.program,)


class Scan(NamedTuple):
    """The inputs are `consts` constants, `carries` carries, then what is scanned over; so are those of `body`."""

    body: Program
    consts: int
    carries: int
    length: int

    @property
    def programs(self):
        return (self.body,)


class While(NamedTuple):
    """The inputs are `tests` constants of `test`, `bodies` constants of `body`, then the carries."""

    test: Program
    body: Program
    tests: int
    bodies: int

    @property
    def programs(self):
        return (self.test, self.body)


class Cond(NamedTuple):
    """The first input chooses the branch; the others are every branch's inputs."""

    branches: tuple[Program, ...]

    @property
    def programs(self):
        return self.branches


class Opaque(NamedTuple):
    """The equation runs these programs in a way of its own, on whatever it likes."""

    programs: tuple[Program, ...]


# Primitives that run one program on their own inputs. Those of the second kind do it in a context, such as a mesh.
PLAIN = {"jit", "closed_call", "call", "eval_jaxpr", "remat2", "custom_jvp_call", "custom_vjp_call",
         "custom_vmap_call", "composite"}  # fmt: skip
IN_CONTEXT = {"shard_map", "linear_call", "xla_metadata_call", "compute_on"}
# Primitives that run their programs on single elements, or in an order of their own.
OTHERS = {"reduce", "reduce_window", "select_and_scatter", "scatter", "scatter-add", "scatter-mul", "scatter-min",
          "scatter-max", "scatter-sub", "custom_linear_solve", "pallas_call", "run_state"}  # fmt: skip


def inside(eqn: JaxprEqn) -> Call | Scan | While | Cond | Opaque | None:
    """What an equation runs; None where it runs no program. Raises UnknownForm where this is not understood."""
    name = eqn.primitive.name
    if name == "scan":
        return _scan(eqn)
    if name == "while":
        return _while(eqn)
    if name == "cond":
        return _cond(eqn)
    if hasattr(eqn.primitive, "to_lojax") and _is_high(eqn):
        return Call(_expanded(eqn), plain=True)
    programs = _programs(eqn)
    if not programs:
        return None
    if name in PLAIN or name in IN_CONTEXT:
        if len(programs) != 1:
            raise _unknown(eqn, f"{len(programs)} programs in place of one")
        return Call(_fits(eqn, programs[0], len(eqn.invars), len(eqn.outvars)), name in PLAIN)
    if name in OTHERS:
        return Opaque(programs)
    raise _unknown(eqn, "a primitive that is not known here")


def program(found: Any) -> Program:
    """A Jaxpr or ClosedJaxpr of any supported jax, with its constants. Raises UnknownForm where these are not to be found."""
    jaxpr, consts = getattr(found, "jaxpr", found), tuple(getattr(found, "consts", ()))
    if len(jaxpr.constvars) != len(consts):
        raise UnknownForm(f"a program has {len(jaxpr.constvars)} constants, of which {len(consts)} are known{_here()}")
    return Program(jaxpr, consts)


def _programs(eqn) -> tuple[Program, ...]:
    values = [x for v in eqn.params.values() for x in (v if isinstance(v, (tuple, list)) else (v,))]
    return tuple(program(x) for x in values if isinstance(getattr(x, "jaxpr", x), Jaxpr))


def _scan(eqn):
    params = eqn.params
    if {"num_consts", "num_carry"} <= params.keys():
        consts, carries = params["num_consts"], params["num_carry"]
    else:
        try:
            consts, carries, _ = map(len, params["ft_in"].unpack())
        except Exception as error:  # any error here means a form that is not known
            raise _unknown(eqn, "no numbers of constants and carries") from error
    body = _fits(eqn, _parameter(eqn, "jaxpr"), len(eqn.invars), len(eqn.outvars))
    if consts + carries > len(eqn.invars) or carries > len(eqn.outvars):
        raise _unknown(eqn, f"{consts} constants and {carries} carries of {len(eqn.invars)} inputs")
    return Scan(body, consts, carries, params["length"])


def _while(eqn):
    try:
        tests, bodies = eqn.params["cond_nconsts"], eqn.params["body_nconsts"]
    except KeyError as error:
        raise _unknown(eqn, "no numbers of constants") from error
    carries = len(eqn.invars) - tests - bodies
    if carries != len(eqn.outvars):
        raise _unknown(eqn, f"{carries} carries and {len(eqn.outvars)} outputs")
    test = _fits(eqn, _parameter(eqn, "cond_jaxpr"), tests + carries, 1)
    return While(test, _fits(eqn, _parameter(eqn, "body_jaxpr"), bodies + carries, carries), tests, bodies)


def _cond(eqn):
    branches = tuple(map(program, eqn.params.get("branches", ())))
    if not branches:
        raise _unknown(eqn, "no branches")
    return Cond(tuple(_fits(eqn, branch, len(eqn.invars) - 1, len(eqn.outvars)) for branch in branches))


def _is_high(eqn) -> bool:
    """Whether it is one of jax 0.11's primitives that are written out as others when a program is lowered."""
    return bool(eqn.primitive.is_high(*(v.aval for v in eqn.invars), **eqn.params))


def _expanded(eqn) -> Program:
    try:
        shapes = [jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype, weak_type=v.aval.weak_type) for v in eqn.invars]
        traced = jax.make_jaxpr(lambda *inputs: eqn.primitive.to_lojax(*inputs, **eqn.params))(*shapes)
    except Exception as error:  # any error here means a kind of value, or of primitive, that is not known
        raise _unknown(eqn, "a primitive that can't be written out") from error
    return _fits(eqn, program(traced), len(eqn.invars), len(eqn.outvars))


def _parameter(eqn, name) -> Program:
    if not isinstance(getattr(eqn.params.get(name), "jaxpr", eqn.params.get(name)), Jaxpr):
        raise _unknown(eqn, f"no program {name}")
    return program(eqn.params[name])


def _fits(eqn, found: Program, inputs: int, outputs: int) -> Program:
    if (len(found.jaxpr.invars), len(found.jaxpr.outvars)) != (inputs, outputs):
        shape = f"{len(found.jaxpr.invars)} inputs and {len(found.jaxpr.outvars)} outputs"
        raise _unknown(eqn, f"a program of {shape} where {inputs} and {outputs} are due")
    return found


def _unknown(eqn, what: str) -> UnknownForm:
    return UnknownForm(
        f"the audit can't follow {eqn.primitive.name!r}: {what}{_here()}; allowed: a jax that RewardLab supports, "
        "and worlds and rules whose inner programs are jax's own"
    )


def _here() -> str:
    return f", in jax {jax.__version__}"
