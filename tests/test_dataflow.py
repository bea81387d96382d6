"""Labels through programs: against dependence worked out by hand, and against what changes when an input does."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from rewardlab.auditing.dataflow import flow
from rewardlab.auditing.values import evaluate, number, source


@jax.custom_vjp
def own_slope(x, y):
    return x * 2.0, y


own_slope.defvjp(lambda x, y: (own_slope(x, y), None), lambda _, slopes: slopes)


def shift(a, b, c):
    """Each turn hands a value on by one place, so that `a` needs two turns to get to c."""
    return lax.scan(lambda carry, _: ((carry[0], carry[0], carry[1]), carry[2]), (a, b, c), length=5)


def counted(a, b, c):
    """As many turns as `a` says; c is carried along and only ever handed back."""
    return lax.while_loop(lambda s: s[0] > 0, lambda s: (s[0] - 1, s[1] * 2, s[2]), (a, b, c))


def by_reference(a, b, c):
    ref = jax.new_ref(a)
    ref[...] = b
    return ref[...], c


# (program of a, b, c; for each of its outputs, the inputs that it depends on)
PROGRAMS = {
    "arithmetic": (lambda a, b, c: (a + b, c * 2, jnp.float32(1)), ["ab", "c", ""]),
    "shapes alone": (lambda a, b, c: (jnp.zeros_like(a) + b, jnp.full_like(c, 3)), ["b", ""]),
    "handed through": (lambda a, b, c: (c, a), ["c", "a"]),
    "where": (lambda a, b, c: (jnp.where(a > 0, b, c), a), ["abc", "a"]),
    "jit keeps outputs apart": (lambda a, b, c: jax.jit(lambda x, y: (x * 2, y + 1))(a, b), ["a", "b"]),
    "cond": (lambda a, b, c: lax.cond(a > 0, lambda: (b, c), lambda: (b + 1, b)), ["ab", "abc"]),
    "switch": (
        lambda a, b, c: lax.switch(a.astype(jnp.int32), [lambda: (b, 1.0), lambda: (c, 2.0), lambda: (c, 3.0)]),
        ["abc", "a"],
    ),
    "scan": (shift, ["a", "a", "ab", "abc"]),
    "scan of nothing": (
        lambda a, b, c: lax.scan(lambda x, y: (x * b, x + y), a, jnp.broadcast_to(c, (0,))),
        ["a", "abc"],
    ),
    "scan over inputs": (
        lambda a, b, c: lax.scan(lambda x, y: (x + y, x * b), a, jnp.stack([c, c])),
        ["ac", "abc"],
    ),
    "while": (counted, ["a", "ab", "c"]),
    "remat": (lambda a, b, c: jax.checkpoint(lambda x, y: (jnp.sin(x), y))(a, b), ["a", "b"]),
    "custom jvp": (lambda a, b, c: (jax.nn.relu(a), jax.nn.silu(b)), ["a", "b"]),
    "custom vjp": (lambda a, b, c: own_slope(a, b), ["a", "b"]),
    "slope of a product": (lambda a, b, c: jax.grad(lambda x: x * b + c)(a), ["b"]),
    "stopped slope": (lambda a, b, c: jax.grad(lambda x: lax.stop_gradient(x * b) + c * x)(a), ["c"]),
    "scatter": (lambda a, b, c: (jnp.zeros(3).at[a.astype(jnp.int32)].add(b), c), ["ab", "c"]),
    "sort": (lambda a, b, c: jnp.argsort(jnp.stack([a, b])), ["ab"]),
    "vmap": (lambda a, b, c: jax.vmap(lambda x: (x * b, c))(jnp.stack([a, a])), ["ab", "c"]),
    "solver": (
        lambda a, b, c: (
            lax.custom_linear_solve(lambda x: a * x, b, lambda f, y: y / a, lambda f, y: y / a),
            c,
        ),
        ["ab", "c"],
    ),
    "reference": (by_reference, ["ab", "c"]),
}


def depends(function, *inputs):
    """The inputs behind each output, as letters."""
    jaxpr = jax.make_jaxpr(function)(*inputs)
    return ["".join(sorted(x)) for x in flow(jaxpr, [frozenset(letter) for letter in "abc"])]


@pytest.mark.parametrize("name", PROGRAMS)
def test_dependence_is_what_the_program_says(name):
    function, expected = PROGRAMS[name]
    assert depends(function, *map(jnp.float32, (1, 2, 3))) == expected


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_output_that_changes_with_an_input_depends_on_it(name):
    function, inputs = PROGRAMS[name][0], [np.float32(x) for x in (1, 2, 3)]
    before, found = jax.tree.leaves(function(*map(jnp.float32, inputs))), depends(function, *inputs)
    for i, letter in enumerate("abc"):
        for change in (-2, 1):
            other = [x + change * (i == j) for j, x in enumerate(inputs)]
            after = jax.tree.leaves(function(*map(jnp.float32, other)))
            for old, new, known in zip(before, after, found, strict=True):
                assert letter in known or bool((old == new).all()), (letter, change)


def test_what_passes_an_equation_can_be_chosen():
    def through(eqn, labels):
        joined = frozenset().union(*labels)
        return [joined - {"amount"} if v.aval.dtype == bool else joined for v in eqn.outvars]

    jaxpr = jax.make_jaxpr(lambda x: (x > 0, jnp.where(x > 0, 1.0, 2.0), x * 2))(1.0)
    labels = flow(jaxpr, [frozenset({"any", "amount"})], through)
    assert [sorted(x) for x in labels] == [["any"], ["any"], ["amount", "any"]]


# ---------------------------------------------------------------------------------------------------------------- values


def numbered(function, *inputs):
    return number(jax.make_jaxpr(function)(*inputs))


def test_equal_expressions_are_one_value():
    def twice(a, b):
        once, again = jax.jit(lambda x, y: x * y)(a, b), a * b
        return once, again, b * a, a * b + 1.0, jnp.sin(once), jnp.sin(again)

    first, second, turned, more, sine, same_sine = numbered(twice, 1.0, 2.0).outputs
    assert first == second and sine == same_sine
    assert len({first, turned, more, sine}) == 4


def test_constants_are_told_apart_by_value_and_kind():
    outputs = numbered(lambda a: (a + 1.0, a + 2.0, a + 1.0, jnp.array([1.0, 2.0]) * a, jnp.array([1.0, 3.0]) * a), 1.0)
    assert len(set(outputs.outputs)) == 4


def test_the_source_of_a_number_is_before_shapes_and_fixed_scales():
    def step(a, scale):
        hit = a > 0
        paid = hit.astype(jnp.float32)
        squared = a * a
        return paid, -2.0 * paid.reshape(1) + 1.0, paid * scale, squared, squared.astype(jnp.float16), paid * a

    values = numbered(step, jnp.float32(1), jnp.float32(3))
    paid, shown, scaled, squared, small, product = values.outputs
    fixed = {*values.fixed, values.inputs[1]}
    assert source(values, paid, fixed) == source(values, shown, fixed) == source(values, scaled, fixed) == paid
    assert source(values, squared, fixed) == source(values, small, fixed) == squared
    assert source(values, product, fixed) == product
    assert source(values, scaled, set(values.fixed)) == scaled


def test_a_value_is_changed_for_all_who_read_it():
    def step(a, b):
        s = a * b
        return s, s + 1.0, a * b * 2.0, a

    values = numbered(step, 1.0, 1.0)
    plain = evaluate(values, (3.0, 4.0), -1, None)
    changed = evaluate(values, (3.0, 4.0), values.outputs[0], lambda x: x + 100.0)
    assert list(map(float, plain)) == [12, 13, 24, 3]
    assert list(map(float, changed)) == [112, 113, 224, 3]
