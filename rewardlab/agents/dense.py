"""A linear layer whose gradient has the same bits on a CPU with any number of threads."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir


class Dense(nn.Module):
    """x @ kernel + bias, as flax's layer of that name, for x float32[B, inputs]; -> float32[B, features]."""

    features: int
    use_bias: bool
    kernel_init: Any

    @nn.compact
    def __call__(self, x):
        kernel = self.param("kernel", self.kernel_init, (x.shape[-1], self.features), jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32) if self.use_bias else None
        x, kernel, bias = nn.dtypes.promote_dtype(x, kernel, bias)
        return product(x, kernel) if bias is None else product(x, kernel) + bias


def product(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """x @ kernel, for x[..., B, inputs] and kernel[..., inputs, outputs] of one dtype and with the same leading axes.

    The kernel's gradient, x.T @ dy, is a sum over B. XLA leaves it on a CPU to Eigen, which splits a long sum among its threads:
    other bits with another number of cores or devices. A left operand that lies in memory row by row goes to a library
    that doesn't, and that is faster for most layers. So the smaller of x and dy is transposed there, behind a barrier,
    without which XLA would take that back. On a TPU operands are rounded (`rounded`), there and back.
    """
    return product_p.bind(x, kernel, few=True)


FEW_ROWS, FEW_INPUTS, SUMS = 2, 64, 8  # measured to be faster below these; interleaved sums of a product


def _anywhere(x, kernel, *, few):
    return x @ kernel


def _on_cpu(x, kernel, *, few):
    """x @ kernel, for a CPU: many small ones at once are written out, as XLA would call a function for each of them."""
    if not few or kernel.ndim == 2 or x.shape[-2] > FEW_ROWS or x.shape[-1] > FEW_INPUTS:
        return x @ kernel
    terms = [x[..., i : i + 1] * kernel[..., i : i + 1, :] for i in range(x.shape[-1])]
    sums = terms[:SUMS]  # several, as each addition waits for the one before it
    for i, term in enumerate(terms[SUMS:]):
        sums[i % SUMS] += term
    return sum(sums[1:], sums[0])


def rounded(x, kernel, *, few):
    """x @ kernel as a TPU's matrix unit computes it in one pass: operands rounded to bfloat16, sums in float32; or as precisely as
    the user has asked of jax.
    """
    settings: Any = jax.config
    if settings.jax_default_matmul_precision is not None or x.dtype != jnp.float32:
        return x @ kernel
    x, kernel = x.astype(jnp.bfloat16), kernel.astype(jnp.bfloat16)
    return jnp.matmul(x, kernel, preferred_element_type=jnp.float32)


def _to_x(dy, x, kernel, *, few):
    return product_p.bind(dy, kernel.mT, few=False)


def _to_kernel(dy, x, kernel, *, few):
    if x.shape[-1] < dy.shape[-1]:
        return product_p.bind(barrier_p.bind(x.mT), dy, few=False)
    return barrier_p.bind(product_p.bind(barrier_p.bind(dy.mT), x, few=False)).mT


def _batched(operands, axes, *, few):
    size = next(x.shape[axis] for x, axis in zip(operands, axes, strict=True) if axis is not None)
    here = (batching.bdim_at_front(x, axis, size) for x, axis in zip(operands, axes, strict=True))
    return product_p.bind(*here, few=few), 0


barrier_p = Primitive("barrier")  # on a CPU; elsewhere nothing
barrier_p.def_impl(lambda x: x)
barrier_p.def_abstract_eval(lambda x: x)
mlir.register_lowering(barrier_p, mlir.lower_fun(lambda x: x, multiple_results=False))
mlir.register_lowering(barrier_p, mlir.lower_fun(jax.lax.optimization_barrier, multiple_results=False), platform="cpu")
batching.defvectorized(barrier_p)
ad.deflinear2(barrier_p, lambda dy, x: [barrier_p.bind(dy)])

product_p = Primitive("product")
product_p.def_impl(jax.jit(product_p.bind, static_argnames="few"))
product_p.def_abstract_eval(lambda x, kernel, *, few: x.update(shape=(*x.shape[:-1], kernel.shape[-1])))
mlir.register_lowering(product_p, mlir.lower_fun(_anywhere, multiple_results=False))
mlir.register_lowering(product_p, mlir.lower_fun(_on_cpu, multiple_results=False), platform="cpu")
mlir.register_lowering(product_p, mlir.lower_fun(rounded, multiple_results=False), platform="tpu")
batching.primitive_batchers[product_p] = _batched
ad.defbilinear(product_p, _to_x, _to_kernel)
