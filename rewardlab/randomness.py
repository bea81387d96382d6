"""jax's own threefry random numbers, bit for bit, several times faster on a CPU.

XLA's CPU backend gets threefry as a loop over whole arrays, which is slow to run and to compile. Here its twenty rounds
are written out, as one program of its own for each draw. Keys made by `fast` draw the same numbers as the keys they come
from (with jax's default, partitionable threefry).

Threefry-2x32 with 20 rounds: Salmon et al. (2011), "Parallel random numbers: as easy as 1, 2, 3".
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.extend.random import define_prng_impl, threefry_prng_impl

from rewardlab import devices
from rewardlab.types import PyTree

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA


def fast(key: jax.Array) -> jax.Array:
    """The same key, or keys, with the fast implementation; any other than threefry stays as it is. Consumes the key."""
    if jax.random.key_impl(key) != "threefry2x32":
        return key
    return jax.random.wrap_key_data(jax.random.key_data(key), impl=IMPL)


@jax.jit
def block(key: jax.Array, high: jax.Array, low: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The block cipher: uint32[2] key, two words of counter uint32[...] -> two words uint32[...]."""
    words = (key[0], key[1], key[0] ^ key[1] ^ jnp.uint32(PARITY))
    x, y = high + words[0], low + words[1]
    for i in range(5):
        for bits in ROTATIONS[i % 2]:
            x = x + y
            y = ((y << jnp.uint32(bits)) | (y >> jnp.uint32(32 - bits))) ^ x
        x, y = x + words[(i + 1) % 3], y + words[(i + 2) % 3] + jnp.uint32(i + 1)
    return x, y


def counted(key, shape):
    """The cipher of 0, 1, 2, … in an array of `shape`."""
    size = 1
    for length in shape:
        size *= length
    if size >= 2**32:
        raise ValueError(f"{shape} are more random numbers than one key draws here, 2**32")
    low = jax.lax.iota(jnp.uint32, size).reshape(shape)
    return block(key, jnp.zeros_like(low), low)


def apart(draw: Callable[[jax.Array], PyTree], key: jax.Array) -> PyTree:
    """draw(key), computed once, where it stands.

    XLA on a CPU would compute it anew, and without vector instructions, inside whatever uses it. Into a branch it does not
    reach, so the draw is put into one, which is always taken. Elsewhere a branch costs more than it saves.
    """
    if not devices.branches_well():
        return draw(key)
    none = lambda key: jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(draw, key))  # noqa: E731
    return jax.lax.cond(_always(key[0]), draw, none, key)


@jax.custom_batching.custom_vmap
def _always(word):
    """True, which XLA does not find out: a word has no more than 32 bits."""
    return jax.lax.population_count(word) <= 32


@_always.def_vmap
def _always_in_batch(size, batched, words):
    return _always(words[0]), False  # a branch stays one for all of a batch


def _split(key, shape):
    return jnp.stack(apart(lambda key: counted(key, shape), key), axis=-1)


def _fold_in(key, data):
    return jnp.stack(block(key, jnp.uint32(0), jnp.asarray(data, jnp.uint32)))


def _bits(key, bit_width, shape):
    def draw(key):
        x, y = counted(key, shape)
        if bit_width == 64:
            return (x.astype(jnp.uint64) << jnp.uint64(32)) | y.astype(jnp.uint64)
        return (x ^ y).astype({8: jnp.uint8, 16: jnp.uint16, 32: jnp.uint32}[bit_width])

    return apart(draw, key)


IMPL = define_prng_impl(
    key_shape=(2,),
    seed=threefry_prng_impl.seed,
    split=_split,
    random_bits=_bits,
    fold_in=_fold_in,
    name="threefry2x32_unrolled",
    tag="fry-unrolled",
)
