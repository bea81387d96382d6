"""The small worlds: pictures, and bad input."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from playing import CASES, KEY, key_for, world

from rewardlab import envs
from rewardlab.inputs.errors import InputError


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize("name", CASES)
def test_drawings_are_of_one_size_and_change_with_the_state(name):
    env, params = world(name)
    draw = jax.jit(env.render_rgb)
    _, state = env.reset_env(KEY(0), params)
    image = np.asarray(draw(state, params))
    assert (
        image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 and not any(n % 12 for n in image.shape[:2])
    )
    changed = []
    for t in range(3):
        _, state, *_ = env.step_env(key_for(t), state, jnp.int32(1), params)
        changed.append((np.asarray(draw(state, params)) != image).any())
    assert any(changed)


BAD = [
    ("tricks", {"commands": 1}, {}),
    ("tricks", {"digits": 1}, {}),
    ("tricks", {"steps": 0}, {}),
    ("tricks", {}, {"answers": 7}),
    ("tricks", {}, {"unseen": 1.5}),
    ("tricks", {}, {"stopped": -0.1}),
    ("tricks", {}, {"max_steps_in_episode": 0}),
    ("bandit", {"arms": 1}, {}),
    ("bandit", {}, {"linked": 2.0}),
    ("bandit", {"arms": 3}, {"linked": 0.5}),
    ("bandit", {}, {"low": 0.9, "high": 0.1}),
    ("fake_arm", {"arms": 1}, {}),
    ("fake_arm", {}, {"faked": 1.5}),
    ("fake_arm", {}, {"linked": 0.5}),
    ("dark_room", {"size": 1}, {}),
    ("dark_room", {"size": 3, "held_out": 8}, {}),
    ("dark_room", {}, {"held_out": 1.1}),
    ("random_mdp", {"states": 1}, {}),
    ("random_mdp", {"kind": "grph"}, {}),
    ("random_mdp", {"kind": "graph", "states": 3, "hubs": 2}, {}),
    ("random_mdp", {}, {"discount": 1.0}),
    ("random_mdp", {}, {"slip": 1.01}),
    ("lever", {"length": 1}, {}),
    ("lever", {}, {"distance": 9}),
    ("lever", {}, {"payoff": -1.0}),
    ("tomatoes", {"layout": "@O."}, {}),
    ("tomatoes", {"layout": "@O#t"}, {}),
    ("tomatoes", {"layout": "@Ox"}, {}),
    ("tomatoes", {}, {"dry": 1.5}),
    ("ridge", {"rows": 0}, {}),
    ("ridge", {}, {"plain_width": 4}),
    ("ridge", {}, {"slip": -0.5}),
    ("overseer", {"steps": 9}, {}),
    ("overseer", {}, {"process": 1.5}),
    ("overseer", {}, {"noise": -1.0}),
]


@pytest.mark.parametrize(("name", "sizes", "values"), BAD)
def test_bad_sizes_and_values_are_refused_in_one_line(name, sizes, values):
    with pytest.raises(InputError) as error:
        envs.params(envs.make(name, **sizes), **values)
    assert "\n" not in str(error.value) and ("allowed" in str(error.value).lower() or "known" in str(error.value))
