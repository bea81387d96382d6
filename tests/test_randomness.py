"""The fast keys draw what jax's own keys draw."""

import jax
import jax.numpy as jnp
import pytest

from rewardlab.backend.randomness import fast, split
from rewardlab.running import batches

DRAWS = {
    "bits": lambda key: jax.random.bits(key, (3, 5)),
    "bits of a byte": lambda key: jax.random.bits(key, (7,), jnp.uint8),
    "one number": lambda key: jax.random.uniform(key),
    "normal": lambda key: jax.random.normal(key, (1000,)),
    "randint": lambda key: jax.random.randint(key, (50,), -3, 1000),
    "permutation": lambda key: jax.random.permutation(key, 20),
    "split": lambda key: jax.random.key_data(jax.random.split(key, (2, 3))),
    "fold in": lambda key: jax.random.key_data(jax.random.fold_in(key, 12345)),
}


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("seed", [0, 1, 2**31 - 1])
def test_fast_keys_draw_the_same_bits(name, seed):
    draw = DRAWS[name]
    assert (draw(jax.random.key(seed)) == draw(fast(jax.random.key(seed)))).all()
    keys = jax.random.split(jax.random.key(seed), 4)
    many = jax.vmap(lambda key: draw(fast(key)))(keys)
    one_by_one = jnp.stack([draw(key) for key in keys])
    assert (many == one_by_one).all()


NUMBERS = jnp.arange(6).reshape(3, 2)
FOLDS = {  # keys key[3], numbers int32[3, 2]
    "numbers": lambda keys: jax.vmap(jax.random.fold_in, (None, 0))(keys[0], NUMBERS[:, 0]),
    "keys": lambda keys: jax.vmap(jax.random.fold_in, (0, None))(keys, 7),
    "both": lambda keys: jax.vmap(jax.random.fold_in)(keys, NUMBERS[:, 0]),
    "both, and numbers within": lambda keys: jax.vmap(jax.vmap(jax.random.fold_in, (None, 0)))(keys, NUMBERS),
    "numbers, and keys within": lambda keys: jax.vmap(jax.vmap(jax.random.fold_in), (None, 1))(keys, NUMBERS),
}


@pytest.mark.parametrize("name", FOLDS)
def test_any_axes_may_be_batched(name):
    keys = jax.random.split(jax.random.key(0), 3)
    data = jax.random.key_data(FOLDS[name](keys))
    assert (jax.random.key_data(jax.jit(lambda keys: FOLDS[name](fast(keys)))(keys)) == data).all()
    assert len(set(map(tuple, data.reshape(-1, 2).tolist()))) == data.size // 2


def test_keys_drawn_one_by_one_are_those_of_a_split():
    for key in (jax.random.key(3), fast(jax.random.key(3))):
        apart = jnp.stack([jax.random.key_data(child) for child in split(key, 5)])
        assert (apart == jax.random.key_data(jax.random.split(jax.random.key(3), 5))).all()


def test_a_draw_stands_apart_on_a_cpu():
    """Else XLA puts it into whatever uses it, without vector instructions."""
    double = jax.jit(lambda key: 2 * jax.random.uniform(fast(key), (100,)))
    assert " call(" in batches.compiled(double, jax.random.key(0)).as_text()


def test_sixty_four_bits():
    with jax.enable_x64(True):
        draw = lambda key: jax.random.bits(key, (5,), jnp.uint64)  # noqa: E731
        bits = draw(jax.random.key(0))
        assert bits.dtype == jnp.uint64 and (draw(fast(jax.random.key(0))) == bits).all()


def test_known_answers_of_threefry():
    """The test vectors that come with Random123 1.09 (Salmon et al. 2011), kat_vectors: threefry2x32, 20 rounds."""
    from rewardlab.backend.randomness import block

    vectors = [
        ((0x00000000, 0x00000000), (0x00000000, 0x00000000), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ]
    for key, counter, expected in vectors:
        high, low = (jnp.uint32(x) for x in counter)
        assert tuple(int(x) for x in block(jnp.array(key, jnp.uint32), high, low)) == expected


def test_fast_keys_stay_as_they_are():
    key = fast(jax.random.key(0))
    assert fast(key) is key
