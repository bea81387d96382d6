"""The linear layer is flax's: the same draws, the same outputs, and derivatives of every kind like those of x @ kernel."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rewardlab.agents.dense import Dense, product, rounded
from rewardlab.running import batches

SHAPES = [(7, 3, 5), (7, 5, 3), (7, 4, 4), (6, 3, 1), (1, 20, 3), (2, 3, 5)]  # rows, inputs, outputs


@pytest.fixture
def doubles():
    with jax.enable_x64(True):
        yield


def operands(rows, inputs, outputs, *lead):
    draw = np.random.default_rng(0).normal
    return jnp.asarray(draw(size=(*lead, rows, inputs))), jnp.asarray(draw(size=(*lead, inputs, outputs)))


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_derivatives_are_those_of_a_plain_product(doubles, shape):
    x, kernel = operands(*shape)

    def curved(of, x, kernel):
        return jnp.sin(of(jnp.tanh(of(x, kernel)), kernel.T)).sum()

    for kind in (jax.grad, jax.jacfwd, jax.hessian):
        ours, plain = (jax.jit(kind(partial(curved, of), argnums=(0, 1)))(x, kernel) for of in (product, jnp.matmul))
        jax.tree.map(partial(np.testing.assert_allclose, atol=1e-12), ours, plain)


@pytest.mark.parametrize("shape", SHAPES)
def test_batches_are_those_of_a_plain_product(doubles, shape):
    many = operands(*shape, 4)

    @partial(jax.jit, static_argnums=0)
    def slopes(of, many):
        """For batches along several axes: slopes of the sum over a batch, and a batch of slopes."""
        found = []
        for axes in ((0, 0), (0, None), (None, 0), (1, 2)):
            x, kernel = (m[0] if axis is None else jnp.moveaxis(m, 0, axis) for m, axis in zip(many, axes, strict=True))
            found += [
                jax.grad(lambda x, k, axes=axes: jnp.sin(jax.vmap(of, axes)(x, k)).sum(), argnums=(0, 1))(x, kernel),
                jax.vmap(jax.grad(lambda x, k: jnp.sin(of(x, k)).sum(), argnums=(0, 1)), axes)(x, kernel),
            ]
        return found

    jax.tree.map(partial(np.testing.assert_allclose, atol=1e-12), slopes(product, many), slopes(jnp.matmul, many))


def test_the_layer_is_flaxs():
    class Ours(nn.Module):
        @nn.compact
        def __call__(self, x):
            return Dense(2, True, init)(Dense(5, False, init)(x))

    class Flaxs(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Dense(2, True, kernel_init=init)(nn.Dense(5, False, kernel_init=init)(x))

    init = nn.initializers.lecun_normal()
    x = operands(7, 3, 1)[0]
    params = Flaxs().init(jax.random.key(0), x)
    jax.tree.map(np.testing.assert_array_equal, Ours().init(jax.random.key(0), x), params)
    np.testing.assert_array_equal(Ours().apply(params, x), Flaxs().apply(params, x))


def test_a_layer_is_rounded_on_a_tpu_there_and_back_and_nothing_else_is():
    """One pass of the matrix unit for the network; float32 for all that is no layer, unless the user has said otherwise."""
    x, kernel = jnp.ones((5, 4)), jnp.ones((4, 3))

    def both(x, kernel):
        return jax.value_and_grad(lambda k: product(x, k).sum())(kernel)[1], kernel.T @ kernel

    def text(platform):
        return jax.jit(batches.exact(both, platform)).trace(x, kernel).lower(lowering_platforms=(platform,)).as_text()

    there = [line for line in text("tpu").splitlines() if "dot_general" in line]
    assert (
        sum("bf16" in line for line in there) >= 1
        and sum("HIGHEST" in line for line in there if "bf16" not in line) == 1
    )
    assert "bf16" not in text("cpu") and "HIGHEST" not in text("cpu")
    with jax.default_matmul_precision("default"):
        assert "HIGHEST" not in text("tpu")
    with jax.default_matmul_precision("float32"):  # whoever asks for it gets it, of layers, too
        assert "bf16" not in text("tpu") and text("tpu").count("HIGHEST") >= 2
    assert rounded(x.astype(jnp.bfloat16), kernel.astype(jnp.bfloat16), few=True).dtype == jnp.bfloat16
    close = rounded(x + 1 / 512, kernel, few=True)
    np.testing.assert_array_equal(close, x @ kernel)  # bfloat16 has 8 bits
    assert close.dtype == jnp.float32
