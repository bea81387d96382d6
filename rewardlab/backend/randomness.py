"""jax's own threefry random numbers, bit for bit, several times faster on a CPU.

XLA's CPU backend gets threefry as a loop over whole arrays, which is slow to run and to compile. Here its twenty rounds
are written out, as one program of its own for each draw; draws of one shape share what is compiled. Keys made by `fast`
draw the same numbers as the keys they come from (with jax's default, partitionable threefry).

Fast keys stay inside the package. Code of other people keeps keys, compares them with jax's own and draws by functions that
take no other kind: `key_for` gives it ordinary ones.

Threefry-2x32 with 20 rounds: Salmon et al. (2011), "Parallel random numbers: as easy as 1, 2, 3".
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax.experimental.xla_metadata import set_xla_metadata
from jax.extend.core import Primitive
from jax.extend.random import define_prng_impl, threefry_prng_impl
from jax.interpreters import batching, mlir

from rewardlab.inputs.errors import InputError, show

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA
ORDINARY = "threefry2x32"
KNOWN = ("rewardlab.", "gymnax.environments.")  # code that only draws from its keys and splits them, which is tested


def fast(key: jax.Array) -> jax.Array:
    """The same key, or keys, with the fast implementation. Consumes the key. Raises InputError as `kind` does."""
    return key if kind(key) == IMPL else jax.random.wrap_key_data(jax.random.key_data(key), impl=IMPL)


def kind(key: jax.Array):
    """The implementation of a key, or keys: ORDINARY or IMPL.

    Raises InputError for what is no key, and for keys other than threefry's: under `vmap`, rbg draws every seed's numbers from
    the first key.
    """
    try:
        found = jax.random.key_impl(key)
    except (TypeError, ValueError):
        raise InputError(f"key = {show(key)} is no random key; allowed: one of jax.random.key(seed)") from None
    if found not in (ORDINARY, IMPL):
        raise InputError(f"key is of {show(found)}, which gives seeds that are not independent; allowed: {ORDINARY}")
    return found


def check_one(key: jax.Array) -> None:
    """Raises InputError as `kind` does, and for several keys."""
    kind(key)
    axes = key.shape if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else key.shape[:-1]
    if axes:
        raise InputError(f"key is an array of keys, {list(axes)}; allowed: one key, as jax.vmap gives of several")


def key_for(function, key: jax.Array) -> jax.Array:
    """The same key, as this function or method takes it: an ordinary one, unless its module is KNOWN. Consumes the key.

    A method is known if its object's class is, too, which may have others of its own. Both kinds draw the same numbers.
    """
    concerned = (function, type(function.__self__)) if hasattr(function, "__self__") else (function,)
    if all((getattr(code, "__module__", None) or "").startswith(KNOWN) for code in concerned):
        return key
    return jax.random.wrap_key_data(jax.random.key_data(key), impl=ORDINARY)


def split(key: jax.Array, count: int) -> tuple[jax.Array, ...]:
    """The keys of `jax.random.split(key, count)`, bit for bit, each drawn on its own. Consumes the key.

    So they come from the program that draws every single key, and need not be cut out of one array.
    """
    return tuple(jax.random.fold_in(key, i) for i in range(count))


def block(key, high: jax.Array, low: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The block cipher: two words of key, two of counter, uint32[...] each -> two words uint32[...]."""
    words = (key[0], key[1], key[0] ^ key[1] ^ jnp.uint32(PARITY))
    x, y = high + words[0], low + words[1]
    for i in range(5):
        for bits in ROTATIONS[i % 2]:
            x = x + y
            y = ((y << jnp.uint32(bits)) | (y >> jnp.uint32(32 - bits))) ^ x
        x, y = x + words[(i + 1) % 3], y + words[(i + 2) % 3] + jnp.uint32(i + 1)
    return x, y


def draw(key: jax.Array, first: jax.Array, blocks: int, words: bool) -> jax.Array:
    """The cipher of the counters `first`, `first` + 1, …, as many as `blocks`.

    key: uint32[..., 2]. first: uint32[], or uint32[...] for the same leading axes. Returns uint32[..., 2 · blocks], the two
    words of each block in turn, or without `words` both in one, x ^ y, uint32[..., blocks]. ValueError: 2**31 blocks or more.
    """
    if blocks >= 2**31:
        raise ValueError(f"{blocks} are more random numbers than one key draws here, 2**31")
    return draw_p.bind(key, first, blocks=blocks, words=words)


def _drawn(key, first, *, blocks, words):
    # Both words of a block are computed twice, as one program with one output: else XLA makes one for each word and a
    # third to mix them.
    number = jax.lax.iota(jnp.uint32, 2 * blocks if words else blocks)
    low = first[..., None] + (number >> jnp.uint32(1) if words else number)
    x, y = block((key[..., :1], key[..., 1:]), jnp.zeros_like(low), low)
    second = jnp.broadcast_to(number & jnp.uint32(1) == 1, x.shape)
    return jax.lax.select(second, y, x) if words else x ^ y


def _drawn_on_cpu(key, first, **shape):
    """The same, computed once, where it stands.

    XLA on a CPU would compute it anew, and without vector instructions, inside whatever uses it; into a call that must not
    be inlined it does not reach. The barrier keeps numbers known in advance out, so that draws of one shape are one program.
    """
    first = jax.lax.optimization_barrier(first)
    with set_xla_metadata(inlineable="false"):
        return _one_program(key, first, **shape)


_one_program = jax.jit(_drawn, static_argnames=("blocks", "words"))


def _shape(key, blocks, words):
    return (*key.shape[:-1], 2 * blocks if words else blocks)


def _batched(operands, axes, **shape):
    (key, first), (key_axis, first_axis) = operands, axes
    size = key.shape[key_axis] if key_axis is not None else first.shape[first_axis]
    key = batching.bdim_at_front(key, key_axis, size)
    if first_axis is not None or first.ndim:
        first = batching.bdim_at_front(first, first_axis, size)
    return draw_p.bind(key, first, **shape), 0


draw_p = Primitive("draw")
draw_p.def_impl(jax.jit(draw_p.bind, static_argnames=("blocks", "words")))
draw_p.def_abstract_eval(lambda key, first, **shape: key.update(shape=_shape(key, **shape)))
mlir.register_lowering(draw_p, mlir.lower_fun(_drawn, multiple_results=False))
mlir.register_lowering(draw_p, mlir.lower_fun(_drawn_on_cpu, multiple_results=False), platform="cpu")
batching.primitive_batchers[draw_p] = _batched


def _split(key, shape):
    return draw(key, jnp.uint32(0), math.prod(shape), words=True).reshape(*shape, 2)


def _fold_in(key, data):
    return draw(key, jnp.asarray(data, jnp.uint32), 1, words=True)


def _bits(key, bit_width, shape):
    if bit_width == 64:
        pairs = draw(key, jnp.uint32(0), math.prod(shape), words=True).reshape(*shape, 2).astype(jnp.uint64)
        return (pairs[..., 0] << jnp.uint64(32)) | pairs[..., 1]
    bits = draw(key, jnp.uint32(0), math.prod(shape), words=False).reshape(shape)
    return bits.astype({8: jnp.uint8, 16: jnp.uint16, 32: jnp.uint32}[bit_width])


IMPL = define_prng_impl(
    key_shape=(2,),
    seed=threefry_prng_impl.seed,
    split=_split,
    random_bits=_bits,
    fold_in=_fold_in,
    name="threefry2x32_unrolled",
    tag="fry-unrolled",
)
