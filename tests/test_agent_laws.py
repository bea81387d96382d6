"""Every rule with every kind of agent that it takes: compiled once, the same bits in pieces, the same seeds alone and together.

`test_training.py` has these laws, and more, for networks of dense layers.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_training import RULES, TABLES, leaves
from worlds import Params, Walk, fitting

from rewardlab import rules, training
from rewardlab.agents import CNN, GRU
from rewardlab.agents.transformer import Transformer
from rewardlab.agents.world_model import WorldModel

PARAMS = Params(goal=jnp.int32(3), max_steps_in_episode=jnp.int32(5))


class Pictured(Walk):
    """The walk, seen as a picture of one row and one channel."""

    def _obs(self, position, time):
        return super()._obs(position, time).reshape(1, 2, 1)


KINDS = {
    "gru": (Walk(), GRU(units=4, hidden=(3,))),
    "transformer": (Walk(), Transformer(width=4, window=3)),
    "cnn": (Pictured(), CNN(channels=(2,), hidden=(3,))),
    "world_model": (Pictured(), WorldModel(hidden=4, latent=3)),
}
REMEMBERING = [name for name, rule in RULES.items() if rule.remembers and not rule.imagines and name not in TABLES]
EVERY_KIND = (
    "reinforce"  # others have one network with a memory: a rule sees of a memory that there is one, not of what kind
)


def fits(name: str, kind: str) -> bool:
    rule = RULES[name]
    if kind == "world_model" or rule.imagines:
        return kind == "world_model" and rule.imagines  # to others it is a network like any other
    if kind == "cnn":  # pictures are rows to every rule: those that take no memory, and one more
        return not (rule.asks or rule.shown) and (not rule.remembers or name == EVERY_KIND)
    return rule.remembers and (name == EVERY_KIND or REMEMBERING.index(name) % 2 == (kind == "transformer"))


PAIRS = [
    pytest.param(name, kind, marks=[] if name in (EVERY_KIND, "muzero") else pytest.mark.slow(quickly=True, minutes=2))
    for kind in KINDS
    for name in RULES
    if name not in TABLES and fits(name, kind)
]


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_a_rule_trains_an_agent(name, kind):
    """One compile; two seeds at once equal each alone; a run in two pieces is the same, to the bit; training changes something."""
    (world, spec), rule, traces = KINDS[kind], RULES[name], []
    s = training.setting(fitting(rule, world), rule, spec)

    @jax.jit
    def begin(keys):
        return jax.vmap(partial(training.begin, s, rule, PARAMS))(keys)

    @jax.jit
    def go(carry, keys, target):
        traces.append(1)
        return jax.vmap(lambda c, key: training.advance(s, rule, PARAMS, key, c, target))(carry, keys)

    def keys():
        return jax.random.split(jax.random.key(3), 2)

    whole = go(begin(keys()), keys(), jnp.int32(320))
    pieces = go(go(begin(keys()), keys(), jnp.int32(160)), keys(), jnp.int32(320))
    for a, b in zip(leaves(whole), leaves(pieces), strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(traces) == 1
    if s.agent.remembers and not rule.whole and name != "fixed":  # all lanes of `fixed` may end an episode at once
        assert any(x.any() for x in jax.tree.leaves(whole.lanes.memory))
    if name in (EVERY_KIND, "truncation", "muzero"):  # a second compilation; `test_training.py` has it of every rule
        key = keys()[1]
        alone = jax.jit(lambda c: training.advance(s, rule, PARAMS, key, c, jnp.int32(320)))(
            training.begin(s, rule, PARAMS, key)
        )
        for a, b in zip(leaves(jax.tree.map(lambda x: x[1], whole)), leaves(alone), strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-3)
    begun = training.begin(s, rule, PARAMS, keys()[0])
    changed = any((a != b[0]).any() for a, b in zip(leaves(begun.state), leaves(whole.state), strict=True))
    assert changed or name == "fixed"


def test_every_rule_is_here():
    named = {name for name, _ in (pair.values for pair in PAIRS)}
    assert {*rules.names()} - named == {*TABLES}
