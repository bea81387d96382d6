"""Every primitive with inner programs that the audit follows, in the jax that is here; and what it refuses to follow."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.extend.core import Primitive, primitives

from rewardlab.auditing import jaxprs
from rewardlab.auditing.dataflow import flow
from rewardlab.auditing.jaxprs import Call, Cond, Opaque, Scan, UnknownForm, While, inside
from rewardlab.inputs.errors import InputError


@jax.custom_jvp
def own_tangent(x, y):
    return x * 2.0, y


own_tangent.defjvp(lambda xs, dxs: (own_tangent(*xs), dxs))


@jax.custom_vjp
def own_slope(x, y):
    return x * 2.0, y


own_slope.defvjp(lambda x, y: (own_slope(x, y), None), lambda _, slopes: slopes)


@jax.custom_batching.custom_vmap
def own_batch(x, y):
    return x * 2.0, y


own_batch.def_vmap(lambda size, batched, x, y: ((x * 2.0, y), tuple(batched)))


def sharded(a, b):
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:1]), "i")
    each = jax.sharding.PartitionSpec()
    return jax.shard_map(lambda x, y: (x * 2.0, y), mesh=mesh, in_specs=(each, each), out_specs=(each, each))(a, b)


def called(primitive):
    def run(a, b):
        inner = jax.make_jaxpr(lambda x, y: (x * 2.0, y))(a, b)
        return primitive.bind(a, b, **primitive.get_bind_params({"call_jaxpr": inner}))

    return run


def computed_on(a, b):
    from jax.experimental.compute_on import compute_on

    space = jax.memory.Space.Device
    return compute_on(compute_type="device_host", out_memory_spaces=(space, space))(lambda x, y: (x * 2.0, y))(a, b)


def with_metadata(a, b):
    from jax.experimental.xla_metadata import xla_metadata_call2

    return xla_metadata_call2(lambda x, y: (x * 2.0, y), {"note": "own"})(a, b)


def pallas(a, b):
    from jax.experimental import pallas as pl

    def kernel(x, y):
        y[...] = x[...] * 2.0

    return pl.pallas_call(kernel, out_shape=jax.ShapeDtypeStruct((3,), jnp.float32))(jnp.ones(3) * a), b


def solve(a, b):
    return lax.custom_linear_solve(lambda x: a * x, a, lambda _, y: y / a, lambda _, y: y / a), b


def windows(a, b):
    return lax.reduce_window(jnp.ones(4) * a, 0.0, lambda x, y: x * y + x, (2,), (1,), "VALID"), b


def chosen(a, b):
    """The slope of a maximum over windows, in the form that jax gave it before it had sums in mind."""
    p = primitives.select_and_scatter_p
    less = jax.make_jaxpr(lambda x, y: x >= y)(1.0, 1.0)
    more = jax.make_jaxpr(lambda x, y: x + y)(1.0, 1.0)
    return p.bind(
        jnp.ones(4) * a, jnp.ones(3), jnp.float32(0), select_jaxpr=less.jaxpr, select_consts=(), scatter_jaxpr=more.jaxpr,
        scatter_consts=(), window_dimensions=(2,), window_strides=(1,), padding=((0, 0),),
    ), b  # fmt: skip


def scattered(method):
    return lambda a, b: (getattr(jnp.ones(3).at[0], method)(a), b)


def state(a, b):
    from jax._src.state.discharge import run_state

    def body(refs):
        refs[0][...] = refs[0][...] * 2.0

    return run_state(body)((a, b))


def linear(a, b):
    return jax.custom_derivatives.linear_call(lambda r, x: x * r, lambda r, x: x * r, a, a), b


CALLS = {
    "jit": lambda a, b: jax.jit(lambda x, y: (x * 2.0, y))(a, b),
    "closed_call": called(primitives.closed_call_p),
    "call": called(primitives.call_p),
    "eval_jaxpr": called(primitives.closed_call_p),
    "remat2": lambda a, b: jax.checkpoint(lambda x, y: (jnp.sin(x), y))(a, b),
    "custom_jvp_call": own_tangent,
    "custom_vjp_call": own_slope,
    "custom_vmap_call": own_batch,
    "composite": lambda a, b: lax.composite(lambda x, y: (x * 2.0, y), "own.twice")(a, b),
    "shard_map": sharded,
    "linear_call": linear,
    "xla_metadata_call": with_metadata,
    "compute_on": computed_on,
    # jax 0.11's primitives that are written out when lowered
    "call_hi_primitive": lambda a, b: (lax.custom_root(lambda x: x - a, a, lambda f, y: y, lambda f, y: y), b),
}
OTHERS = {
    "reduce": lambda a, b: (lax.reduce(jnp.ones(3) * a, 0.0, lambda x, y: x * y + x, (0,)), b),
    "reduce_window": windows,
    "select_and_scatter": chosen,
    "scatter": lambda a, b: ((jnp.ones(3) * a).at[0].apply(jnp.sin), b),
    "scatter-add": scattered("add"),
    "scatter-sub": scattered("subtract"),
    "scatter-mul": scattered("multiply"),
    "scatter-min": scattered("min"),
    "scatter-max": scattered("max"),
    "custom_linear_solve": solve,
    "pallas_call": pallas,
    "run_state": state,
}
LOOPS = {
    "scan": lambda a, b: (lax.scan(lambda c, _: (c * 2.0, None), a, None, length=3)[0], b),
    "while": lambda a, b: (lax.while_loop(lambda c: c < 9.0, lambda c: c * 2.0, a), b),
    "cond": lambda a, b: (lax.cond(a > 0, lambda: a, lambda: a * 2.0), b),
}
# Those that only one of the supported jaxes has.
OLD, NEW = {"closed_call", "call"}, {"eval_jaxpr", "xla_metadata_call", "compute_on", "call_hi_primitive"}
HERE = NEW if jax.__version_info__ >= (0, 11) else OLD


def equations(function):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some of these are on their way out
        return jax.make_jaxpr(function)(jnp.float32(1), jnp.float32(2))


def found(jaxpr, name):
    for eqn in jaxpr.eqns:
        if eqn.primitive.name == name:
            return eqn
        for program in getattr(inside(eqn), "programs", ()):
            if inner := found(program.jaxpr, name):
                return inner
    return None


def test_every_name_that_is_followed_is_tried_here():
    assert set(CALLS) - {"call_hi_primitive"} == jaxprs.PLAIN | jaxprs.IN_CONTEXT
    assert set(OTHERS) == jaxprs.OTHERS


@pytest.mark.parametrize("name", sorted(set(CALLS) - (OLD | NEW - HERE) | HERE))
def test_what_one_program_is_run_on_is_followed(name):
    jaxpr = equations(CALLS[name])
    eqn = found(jaxpr.jaxpr, name)
    assert eqn, jaxpr
    assert isinstance(inside(eqn), Call)
    assert flow(jaxpr, [frozenset("a"), frozenset("b")]) == [frozenset("a"), frozenset("b")]


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_what_is_run_in_another_way_may_reach_everything(name):
    jaxpr = equations(OTHERS[name])
    eqn = found(jaxpr.jaxpr, name)
    assert eqn, jaxpr
    assert isinstance(inside(eqn), Opaque) and inside(eqn).programs
    first, second = flow(jaxpr, [frozenset("a"), frozenset("b")])
    assert "a" in first and "b" in second


@pytest.mark.parametrize("name,kind", [("scan", Scan), ("while", While), ("cond", Cond)])
def test_loops_and_branches_are_followed(name, kind):
    jaxpr = equations(LOOPS[name])
    assert isinstance(inside(found(jaxpr.jaxpr, name)), kind)
    assert flow(jaxpr, [frozenset("a"), frozenset("b")]) == [frozenset("a"), frozenset("b")]


class Equation:
    """An equation of a jax that is not out yet."""

    def __init__(self, eqn, **parameters):
        self.primitive, self.invars, self.outvars = eqn.primitive, eqn.invars, eqn.outvars
        self.params = {**eqn.params, **parameters}

    def without(self, *names):
        self.params = {name: value for name, value in self.params.items() if name not in names}
        return self


COUNTS = ("num_consts", "num_carry", "ft_in")


@pytest.mark.parametrize(
    "name,change",
    [
        ("scan", lambda eqn: Equation(eqn).without(*COUNTS)),
        ("scan", lambda eqn: Equation(eqn, ft_in=object()).without(*COUNTS[:2])),
        ("scan", lambda eqn: Equation(eqn, num_consts=7, num_carry=7)),
        ("scan", lambda eqn: Equation(eqn, jaxpr=jax.make_jaxpr(lambda: 1)())),
        ("scan", lambda eqn: Equation(eqn).without("jaxpr")),
        ("while", lambda eqn: Equation(eqn).without("cond_nconsts")),
        ("while", lambda eqn: Equation(eqn, body_nconsts=3)),
        ("while", lambda eqn: Equation(eqn).without("body_jaxpr")),
        ("cond", lambda eqn: Equation(eqn).without("branches")),
        ("cond", lambda eqn: Equation(eqn, branches=(jax.make_jaxpr(lambda x, y: x)(1.0, 1.0),) * 2)),
    ],
)
def test_a_form_that_is_not_known_is_refused_in_one_line(name, change):
    eqn = found(equations(LOOPS[name]).jaxpr, name)
    with pytest.raises(UnknownForm, match=rf"^the audit can't follow '{name}': .*jax {jax.__version__}") as error:
        inside(change(eqn))
    assert isinstance(error.value, InputError) and "\n" not in str(error.value)


def test_programs_with_constants_are_followed():
    table = jnp.arange(3.0)

    def run(a, b):
        return jax.jit(lambda x, y: (lax.cond(x > 0, lambda: x * table, lambda: table), y))(a, b)

    assert flow(equations(run), [frozenset("a"), frozenset("b")]) == [frozenset("a"), frozenset("b")]


def test_a_call_of_another_shape_is_refused():
    eqn = found(equations(CALLS["jit"]).jaxpr, "jit")
    two = jax.make_jaxpr(lambda x: x)(1.0)
    with pytest.raises(UnknownForm, match="'jit': a program of 1 inputs and 1 outputs where 2 and 2 are due"):
        inside(Equation(eqn, jaxpr=two))
    with pytest.raises(UnknownForm, match="'jit': 2 programs in place of one"):
        inside(Equation(eqn, another=two))


def test_a_primitive_with_programs_that_is_not_known_is_refused():
    own = Primitive("own_loop")
    own.def_abstract_eval(lambda x, program: x)
    program = jax.make_jaxpr(lambda x: x * 2)(1.0)
    with pytest.raises(UnknownForm, match="can't follow 'own_loop': a primitive that is not known here"):
        flow(jax.make_jaxpr(lambda x: own.bind(x, program=program))(1.0), [frozenset("a")])
