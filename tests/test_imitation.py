"""Imitation against its closed forms: gradient, what it converges to, whose states it learns at, and that reward is nothing to it."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import struct
from told import experience, table
from worlds import Params, Shows, Squares, State, Walk

import rewardlab
from rewardlab import envs, judges, rules, training
from rewardlab.agents import MLP
from rewardlab.agents.learner import Learner
from rewardlab.analysis.cautions import is_control
from rewardlab.analysis.wording import audit_cells
from rewardlab.envs import adapter, platforms
from rewardlab.envs.packing import Packed
from rewardlab.inputs.errors import InputError
from rewardlab.rules import contract
from rewardlab.rules.imitation import Imitation
from rewardlab.rules.truncation import Truncation

KEY = jax.random.key
TABLE = MLP(hidden=(), bias=False, head_scale=0.0)
PARAMS = Params(
    goal=jnp.int32(9), max_steps_in_episode=jnp.int32(5)
)  # out of reach: what is shown is all there is to learn by


class Chancy(Squares):
    """The walk as a table. Its script goes on with chance .7 where it stands on an even place, else with chance .2."""

    def references(self, params):
        def policy(obs, state, params, key):
            return (jax.random.uniform(key) < jnp.where(state.position % 2 == 0, 0.7, 0.2)).astype(jnp.int32)

        return {"random": lambda *given: jnp.int32(0), "optimal": policy, "stays": lambda *given: jnp.int32(0)}


def lived(rule, world, updates=1, seed=0, judge=judges.world, spec=TABLE):
    """(carry, the experience of the last update) after so many updates."""
    seen = []
    s = training.setting(world, rule, spec, judge)

    def spy(trajectory):
        seen[:] = [trajectory]
        return judge(trajectory)

    @jax.jit
    def one(carry):
        carry = training.update(s._replace(judge=spy), rule, PARAMS, KEY(seed), carry)
        return carry, seen[0]

    carry = training.begin(s, rule, PARAMS, KEY(seed))
    for _ in range(updates):
        carry, told = one(carry)
    return carry, told


# ----------------------------------------------------------------------------------------------------------- the gradient


def test_the_gradient_is_softmax_minus_one_hot():
    """Of −log softmax(z)[a*] by z, in each state, weighted by how often the state is met; steps not lived count nothing."""
    with jax.enable_x64(True):
        logits = jnp.array([[0.3, -0.2, 0.9], [0.0, 1.0, -1.0]])
        agent, states, shown = table(2, {"logits": 3}), np.array([0, 0, 1, 1]), np.array([2, 1, 0, 2])
        told = experience(np.eye(2)[states][:, None], np.zeros((4, 1)), np.ones((4, 1)), mask=[[True]] * 3 + [[False]])
        seen = ((), told.obs, jnp.zeros((4, 1), bool), jnp.asarray(shown)[:, None], told.mask)
        found = jax.grad(lambda params: Imitation().loss(agent, params, seen))({"logits": logits})["logits"]
        expected = np.zeros((2, 3))
        for state, action in zip(states[:3], shown[:3], strict=True):
            expected[state] += (np.asarray(jax.nn.softmax(logits[state])) - np.eye(3)[action]) / 3
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_an_update_is_one_such_step():
    rule = rules.make("imitation", optimiser="sgd", learning_rate=0.5, minibatches=1, num_envs=8, unroll_length=5)
    world = Chancy()
    before = training.begin(training.setting(world, rule, TABLE), rule, PARAMS, KEY(0))
    after, told = lived(rule, world)
    at, shown = np.asarray(told.obs.argmax(-1)).ravel(), np.asarray(told.shown).ravel()
    expected = np.zeros((36, 2))
    np.add.at(expected, at, 0.5 * (np.eye(2)[shown] - 0.5) / at.size)  # a table of zeros: its softmax is one half
    kernel = lambda carry: np.asarray(jax.tree.leaves(carry.state.params)[0])  # noqa: E731
    np.testing.assert_allclose(kernel(after) - kernel(before), expected, atol=1e-6)


def test_it_converges_to_how_often_the_demonstrator_takes_each_action():
    rule = rules.make("imitation", learning_rate=0.03, num_envs=256, unroll_length=5)
    carry, told = lived(rule, Chancy(), 150)
    logits = jax.tree.leaves(carry.state.params)[0].reshape(6, 6, 2)
    probability = np.asarray(jax.nn.softmax(logits))[..., 1]
    met = np.bincount(np.asarray(told.obs.argmax(-1)).ravel(), minlength=36).reshape(6, 6) > 30
    assert met.sum() >= 6
    expected = np.broadcast_to(np.where(np.arange(6) % 2 == 0, 0.7, 0.2)[:, None], (6, 6))
    np.testing.assert_allclose(probability[met], expected[met], atol=0.09)


# -------------------------------------------------------------------------------------------------------- who acts, and where


def positions(told):
    """How often each place is stood on, by step of the episode: float[5, 6]."""
    place = np.asarray(told.obs.argmax(-1)) // 6
    return np.stack([np.bincount(row, minlength=6) / row.size for row in place])


def markov(step):
    """The same, exactly, of who goes on with chance step(place)."""
    at, found = np.eye(6)[0], []
    for _ in range(5):
        found.append(at)
        go = np.array([step(place) for place in range(6)])
        at = at * (1 - go) + np.append(0, (at * go)[:-1])
    return np.stack(found)


SCRIPT = lambda place: 0.7 if place % 2 == 0 else 0.2  # noqa: E731


@pytest.mark.parametrize(
    ("chance", "step"), [(1.0, SCRIPT), (0.0, lambda place: 0.5), (0.5, lambda p: 0.25 + SCRIPT(p) / 2)]
)
def test_states_are_of_who_acts_and_labels_always_the_demonstrators(chance, step):
    rule = rules.make("imitation", demonstrates=chance, num_envs=20_000, unroll_length=5, learning_rate=0.0)
    _, told = lived(rule, Chancy())
    np.testing.assert_allclose(positions(told), markov(step), atol=0.015)
    place = np.asarray(told.obs.argmax(-1)) // 6
    for at in range(4):
        shown = np.asarray(told.shown)[place == at]
        assert abs(shown.mean() - SCRIPT(at)) < 0.03
    agree = (np.asarray(told.shown) == np.asarray(told.action)).mean()
    assert agree == 1.0 if chance == 1.0 else abs(agree - (chance + (1 - chance) / 2)) < 0.01


def test_the_share_of_the_demonstrator_decays():
    rule = rules.make("imitation", demonstrates=0.8, decay=0.5, num_envs=8, unroll_length=5)
    carry, _ = lived(rule, Chancy(), 3)
    assert float(carry.state.demonstrates) == pytest.approx(0.1)
    assert int(carry.steps) == 3 * 8 * 5  # the demonstrator's steps count


def test_any_of_a_worlds_scripts_can_be_shown():
    carry, told = lived(rules.make("imitation", shown="stays", num_envs=8, unroll_length=5), Chancy())
    assert not np.asarray(told.action).any() and not np.asarray(told.shown).any()
    assert told.shown.dtype == told.action.dtype == jnp.int32


def test_rules_that_are_shown_nothing_are_told_nothing():
    rule = rules.make("ppo", num_envs=8, unroll_length=5)
    assert lived(rule, Shows(), spec=MLP(hidden=(4,)))[1].shown == ()


# ------------------------------------------------------------------------------------------------------------------ reward


def test_reward_is_nothing_to_it():
    """Whatever is paid, the state after updates is the same to the bit; and the audit finds the same in the program."""
    rule = rules.make("imitation", decay=0.9, num_envs=8, unroll_length=5)
    noisy = lambda trajectory: 1e3 * trajectory.obs.sum(-1) * (1.0 - trajectory.action.astype(jnp.float32))  # noqa: E731
    one, other = (lived(rule, Chancy(), 4, judge=judge)[0].state for judge in (judges.silent, noisy))
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("world", ["coinrun", "walk"])
def test_the_audit_finds_no_reward_and_says_what_is_shown(world):
    (row,) = rewardlab.audit("imitation", agent=MLP(hidden=(4,)), env=Shows() if world == "walk" else world)
    assert (row.level, row.enters, row.groups, row.gradient) == (0, "no", (), {})
    assert row.derivative and row.fitted == () and row.predictor == () and row.act == () and row.shown == "optimal"
    assert audit_cells(dataclasses.asdict(row))[2] == "no; it is shown what “optimal” does"


def test_reward_that_a_world_shows_its_script_is_found():
    """A script that goes by what was paid last brings reward in: it is no rule of level 0 there."""

    class Paid(Walk):
        def reset_env(self, key, params):
            return jnp.zeros(2), State(position=jnp.float32(0), time=0)

        def step_env(self, key, state, action, params):
            reward = action * params.goal - 0.25
            state = State(position=reward, time=state.time + 1)
            return jnp.zeros(2), state, reward, jnp.bool_(False), {"outcome": 0}

        def references(self, params):
            return {"optimal": lambda obs, state, params, key: (state.position > 0).astype(jnp.int32)}

    (row,) = rewardlab.audit("imitation", agent=MLP(hidden=(4,)), env=Paid())
    assert row.enters == "choices"


def test_it_is_no_control_though_it_reads_nothing_of_reward():
    assert (
        is_control({"level": 0, "shown": False})
        and is_control({"level": 0})
        and not is_control({"level": 0, "shown": True})
    )


# ---------------------------------------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("world", "given", "message"),
    [
        (
            Walk(),
            {},
            r"rule = imitation is shown what the policy 'optimal' does, and Walk has no scripted policies; allowed: ",
        ),
        (Shows(), {"shown": "optimla"}, r"unknown policy in rule\.shown 'optimla'; did you mean 'optimal'"),
        ("keys", {}, r"unknown policy in rule\.shown 'optimal'"),
    ],
)
def test_a_world_without_that_demonstrator_is_refused_in_one_line(world, given, message):
    with pytest.raises(InputError, match=message):
        training.setting(envs.make(world), rules.make("imitation", **given))


def test_a_script_that_does_something_else_than_an_action_is_named():
    class Odd(Walk):
        def references(self, params):
            return {"optimal": lambda obs, state, params, key: jnp.zeros(3, jnp.int32)}

    with pytest.raises(InputError, match=r"the policy 'optimal' of Odd does is int32\[3\]; expected: int32\[\]"):
        training.setting(Odd(), rules.make("imitation"))


def test_others_do_not_take_it():
    for wrong in (lambda: rules.make("yoked", rule="imitation"), lambda: Learner(rule="imitation")):
        with pytest.raises(InputError):
            wrong()

    @struct.dataclass
    class Litter(Truncation):
        shown: str = struct.field(default="optimal", pytree_node=False)

    shown = Litter(candidates=4, parents=1, num_envs=8, unroll_length=5)
    with pytest.raises(InputError, match=r"rule\.shown = 'optimal'.* as the rule has candidates"):
        contract.check(shown, Shows())
    with pytest.raises(InputError, match="num_envs = 64 can't be split by minibatches = 5"):
        rules.make("imitation", minibatches=5)


# ------------------------------------------------------------------------------------------------------------ in CoinRun


def test_scripts_of_packed_worlds_see_bits():
    world = envs.make("coinrun", levels=8, held_out=8)
    params, policy = world.default_params, adapter.scripted(world)["look ahead"]
    packed = adapter.scripted(Packed(world))["look ahead"]
    obs, states = jax.vmap(lambda level: world.start(level, params))(jnp.arange(16))
    words = jax.vmap(partial(world.packed, params=params))(states)
    as_words = jax.vmap(lambda obs, state: packed(obs, state, params, KEY(0)))(words, states)
    np.testing.assert_array_equal(
        as_words, jax.vmap(lambda obs, state: policy(obs, state, params, KEY(0)))(obs, states)
    )


def test_where_coin_and_end_agree_the_solver_hardly_tells_which_it_is_after():
    """Of its steps on training levels 98 % are on a shortest way to the end, too; of those to a moved coin far fewer are."""
    levels = platforms.generate(200, 41)
    cells = platforms.cells(levels.table.shape[1])
    column = np.array([platforms.width(tiles) - 2 for tiles in levels.tiles])
    assert (levels.coin[:, platforms.END] % platforms.WIDTH == column).all()
    ends = np.stack(
        [platforms.distances(levels.table, row * platforms.WIDTH + column) for row in range(platforms.HEIGHT)]
    ).min(0)
    told = {}
    for placement in (platforms.END, platforms.DETOUR, platforms.BEHIND):
        both = []
        for level in range(len(column)):
            at = platforms.START
            while cells[at] != levels.coin[level, placement]:
                entry = levels.table[level, at].astype(int)
                after, dead = entry & platforms.PLACE, entry & platforms.DEAD > 0
                to_coin, to_end = (
                    np.where(dead, platforms.BEYOND, d[level, after]) for d in (levels.distance[:, placement], ends)
                )
                best = to_coin.argmin()
                both.append(ends[level, at] > 0 and to_end[best] == to_end.min())
                at = after[best]
        told[placement] = np.mean(both)
    assert told[platforms.END] > 0.97 and told[platforms.DETOUR] < 0.85 and told[platforms.BEHIND] < 0.3
