"""MuZero: exact models against value iteration, what it is told and learns, and what the audit proves of who consults what."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from told import experience

import rewardlab
from rewardlab import envs, rules, training
from rewardlab.agents import GRU, MLP
from rewardlab.agents.world_model import WorldModel
from rewardlab.backend.randomness import fast
from rewardlab.envs import adapter
from rewardlab.inputs.errors import InputError
from rewardlab.judges import judged
from rewardlab.rules import imagination
from rewardlab.rules.tree_search import Edge, Node, search
from rewardlab.rules.value_iteration import value_iteration

SMALL = {"num_envs": 4, "unroll_length": 6, "depth": 3, "rows": 3, "batch": 5, "simulations": 4, "long": 6}
SPEC = WorldModel(hidden=8, latent=5)
BOTH = rules.make("muzero", told=("true",), **SMALL)


def lever():
    return envs.make("lever", length=5, steps=16)


# ------------------------------------------------------------------------------------------------- a model that is exact


class Table(NamedTuple):
    """A deterministic world with its states numbered. reward, discount: float32[S, A]; after: int32[S, A]."""

    reward: jax.Array
    discount: jax.Array
    after: jax.Array


def enumerated(env, params, begin, gamma, paid="reward"):
    """(Table, states) of all states that can be reached from those in `begin`. The clock stands still."""
    step = jax.jit(lambda s, a: adapter.step(env, jax.random.key(0), s, a, params))
    states, known, rows = list(begin), {}, []
    name = lambda s: tuple(np.asarray(x).item() for x in jax.tree.leaves(s.replace(time=jnp.int32(0))))  # noqa: E731
    for s in states:
        known.setdefault(name(s), len(known))
    for s in states:  # which grows
        row = []
        for a in range(env.num_actions):
            out = step(s, jnp.int32(a))
            after = out.state.replace(time=jnp.int32(0))
            if name(after) not in known and not out.terminated:
                known[name(after)] = len(known)
                states.append(after)
            row.append((float(out.signals[paid]), 0.0 if out.terminated else gamma, known.get(name(after), 0)))
        rows.append(row)
    reward, discount, after = (np.array(x) for x in zip(*(zip(*row, strict=True) for row in rows), strict=True))
    return Table(jnp.float32(reward), jnp.float32(discount), jnp.int32(after)), states


def exact_values(table):
    """float32[S, A] by the package's value iteration, on the table's transitions."""
    size, actions = table.reward.shape
    gamma = float(table.discount.max())
    there = jnp.where((table.discount > 0)[..., None], jax.nn.one_hot(table.after, size), 0.0)
    return value_iteration(there, table.reward, gamma, 400, jnp.zeros((size, actions)))


def choices(table, values):
    """What a search from every state chooses, int32[S], in a model that is the table, with these values of its states float32[S].

    It tries every action once. A longer one takes means over what it tries further down, poor actions too, and may rank others
    first.
    """
    actions = table.reward.shape[1]

    def node(state):
        return Node(jnp.zeros((state.shape[0], actions)), values[state], state)

    def step(state, action):
        return Edge(table.reward[state, action], table.discount[state, action], node(table.after[state, action]))

    return search(node(jnp.arange(len(values))), step, jax.random.key(0), actions).action


def best(q, action):
    """bool[S], whether an action is one of the best: ties may go either way."""
    return np.asarray(q[np.arange(len(q)), action] >= q.max(-1) - 1e-4)


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize("paid", ["reward", "true"])
def test_with_an_exact_model_and_exact_leaves_it_chooses_as_value_iteration_does_at_the_lever(paid):
    env = lever()
    params = env.default_params.replace(distance=jnp.int32(2))
    table, states = enumerated(env, params, [adapter.reset(env, jax.random.key(0), params)[1]], 0.9, paid)
    q = exact_values(table)
    assert len(states) == 5 * 2 * 2  # cells, whether the lever was pulled, whether work was done
    assert best(q, choices(table, q.max(-1))).all()
    start = int(choices(table, q.max(-1))[0])
    assert start == {"reward": 1, "true": 2}[paid]  # off to the lever, or to work
    assert not best(q, choices(table, -q.max(-1))).all(), "it needs no values: this could not fail"


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize("gap", [0.5, 0.01])
def test_a_gap_in_value_is_stretched_unless_values_have_a_weight(gap):
    """Two actions, each tried once and the end: logits that are 0.1 · 51 apart whatever the gap, or value_scale · 51 · gap."""

    def node(n):
        return Node(jnp.zeros((n, 2)), jnp.zeros(n), jnp.zeros((n, 1)))

    def step(state, action):
        return Edge(jnp.where(action == 0, gap, 0.0), jnp.zeros(1), node(1))

    for value_scale, apart in ((0.0, 5.1), (0.2, 10.2 * gap)):
        weights = search(node(1), step, jax.random.key(0), 2, value_scale=value_scale).weights[0]
        np.testing.assert_allclose(jnp.log(weights[0] / weights[1]), apart, rtol=1e-3)


@pytest.mark.slow(quickly=True)
def test_with_an_exact_model_and_exact_leaves_it_chooses_as_value_iteration_does_in_a_maze():
    env = envs.make("corner", size=5, levels=4, held_out=1)
    params = env.default_params.replace(elsewhere=jnp.float32(1.0))
    begin = [adapter.reset(env, jax.random.key(seed), params)[1] for seed in range(8)]
    table, states = enumerated(env, params, begin, 0.95)
    q = exact_values(table)
    assert len(states) > 60 and float(q.max()) == 1.0
    assert best(q, choices(table, q.max(-1))).all()
    assert not best(q, choices(table, -q.max(-1))).all(), "it needs no values: this could not fail"


# ------------------------------------------------------------------------------------------------------- what it is told


def row(rule, **options):
    (found,) = rewardlab.audit(rule, agent=SPEC, env=options.pop("env", lever()), **options)
    return found


@pytest.mark.parametrize(("consults", "predictor"), [("reward", ("reward", "value")), ("true", ("true", "true_value"))])
def test_the_audit_proves_which_prediction_is_consulted(consults, predictor):
    found = row(rules.make(BOTH, consults=consults))
    assert {*found.predictor} == {*predictor} and found.level == 5
    assert {*found.reads} == {"logits", "ends", *predictor}
    assert {*found.fitted} == {"reward", "value", "true", "true_value"}  # both are learned
    assert found.enters == "amounts" and found.act == ()
    assert found.gradient["reward"] == ("trunk", "reward") and "logits" not in found.gradient


@pytest.mark.slow(quickly=True)
def test_a_rule_is_told_what_it_says_and_nothing_else():
    env, key = lever(), jax.random.key(0)
    s = training.setting(env, BOTH, SPEC)
    carry = training.begin(s, BOTH, env.default_params, key)
    seen = []

    class Spy(type(BOTH)):
        def update(self, agent, state, told, key):
            seen.append(told)
            return super().update(agent, state, told, key)

    for rule in (BOTH, rules.make("muzero", **SMALL)):
        spy = Spy(**{name: getattr(rule, name) for name in rule.__dataclass_fields__})
        s = training.setting(env, rule, SPEC)
        carry = training.begin(s, rule, env.default_params, key)
        jax.eval_shape(partial(training.update, s, spy, env.default_params), key, carry)
    assert {*seen[0].told} == {"true"} and seen[0].told["true"].dtype == jnp.float32 and seen[1].told == {}
    assert not hasattr(seen[0], "signals")


def test_what_was_not_lived_pays_nothing_of_what_is_told():
    told = experience(jnp.zeros((2, 1, 1)), jnp.zeros((2, 1)), jnp.zeros((2, 1)), mask=[[True], [False]])
    fields = {k: v for k, v in told._asdict().items() if k not in ("reward", "told")}
    signals = {"reward": jnp.ones((2, 1)), "work": jnp.ones((2, 1), bool)}
    found = judged(rewardlab.types.Trajectory(**fields, signals=signals), told=("work",))
    assert found.told["work"].tolist() == found.reward.tolist() == [[1.0], [0.0]]
    assert found.told["work"].dtype == jnp.float32


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (
            lambda: training.setting(lever(), BOTH, MLP()),
            r"rule = muzero plans with a learned model, and this agent has none",
        ),
        (lambda: training.setting(lever(), BOTH, GRU()), r"muzero (plans|trains)"),
        (
            lambda: training.setting(lever(), rules.make("yoked", rule=rules.make("muzero", **SMALL)), MLP()),
            "plans with",
        ),
        (lambda: rules.make("yoked", rule=BOTH), r"yoked\.rule\.told = \('true',\); allowed: \(\)"),
        (
            lambda: rules.make("muzero", consults="true"),
            r"unknown reward that muzero consults 'true'.* Allowed: reward",
        ),
        (lambda: rules.make("muzero", told=("reward",)), r"told = \('reward',\); allowed: different signals"),
        (lambda: rules.make("muzero", long=10**9), "muzero.long = 1000000000 is out of range"),
        (lambda: rules.make("muzero", depth=17), "depth = 17 is out of range.*unroll_length = 16"),
        (
            lambda: training.setting(lever(), rules.make(BOTH, told=("treu",), consults="reward"), SPEC),
            r"unknown signal in rule\.told 'treu'",
        ),
        (lambda: training.setting(envs.make("Pendulum-v1"), BOTH, SPEC), "takes discrete actions only"),
        (lambda: training.setting(envs.make("Pendulum-v1"), rules.make("ppo"), SPEC), "imagines discrete actions only"),
    ],
)
def test_what_does_not_go_together_is_said_in_one_line(ask, said):
    with pytest.raises(InputError, match=said) as error:
        ask()
    assert "\n" not in str(error.value)


# ------------------------------------------------------------------------------------------------------------- learning


def small_lesson(terminated=False):
    """A rule, its agent with parameters, and a lesson of one lane: something is paid at the third step, an episode ends there."""
    env, T = lever(), SMALL["unroll_length"]
    s = training.setting(env, BOTH, SPEC)
    state = BOTH.init(s.agent, jax.random.key(0))
    obs = jnp.arange(T)[:, None, None, None] == jnp.arange(20).reshape(5, 4)
    paid = jnp.zeros((T, 1)).at[2].set(1.0)
    told = experience(
        obs, jnp.zeros((T, 1)), paid, truncated=paid > 0, terminated=(paid > 0) & terminated,
        extras={"weights": jnp.full((T, 1, 3), 1 / 3)},
    )._replace(told={"true": 2 * paid})  # fmt: skip
    return s.agent, state.params, told


def test_lessons_keep_each_reward_and_its_return():
    agent, params, told = small_lesson(terminated=True)
    found = BOTH.lesson(agent, params, told)
    assert found.paid["true"][2, 0] == 2 and found.paid["reward"][2, 0] == 1
    assert found.worth["true"][2, 0] == 2 and found.worth["reward"][2, 0] == 1  # for good: nothing follows
    agent, params, told = small_lesson()
    value = imagination.look(agent, params, told.next_obs[2])[0]["true_value"][0, 0]
    np.testing.assert_allclose(BOTH.lesson(agent, params, told).worth["true"][2, 0], 2 + 0.9 * value, rtol=1e-6)


def test_the_loss_reads_no_step_behind_an_episodes_end_and_not_what_is_not_its_own():
    agent, params, told = small_lesson()
    lesson = BOTH.lesson(agent, params, told)
    loss = jax.jit(lambda lesson: BOTH.loss(agent, params, lesson))
    plain = loss(lesson)
    # The last start whose imagination goes on from the first episode into the second is the third.
    second = jax.tree.map(lambda x: x.at[5].add(7) if x.dtype != bool else x, lesson.paid)
    starts = lesson._replace(done=lesson.done.at[3:5].set(True))
    assert loss(lesson._replace(paid=second)) != plain
    assert loss(starts._replace(paid=second)) == loss(starts)
    third = jax.tree.map(lambda x: x.at[2].add(7), lesson.paid)
    assert loss(starts._replace(paid=third)) != loss(starts)


def test_imagination_is_the_agents_own_model_and_its_latent_states_are_of_one_size():
    s = training.setting(lever(), BOTH, SPEC)
    params, obs = s.agent.init(jax.random.key(0)), jnp.ones((3, 5, 4), bool)
    model = s.agent.model
    latent = model.represent(params, obs)
    after = model.advance(params, latent, jnp.int32([0, 1, 1]))
    said, seen = model.predict(params, latent), s.agent.apply(params, obs)
    assert all(bool((said[h] == seen[h]).all()) for h in seen) and {*seen} == {*BOTH.heads(3)}
    np.testing.assert_allclose(jnp.sqrt((after**2).mean(-1)), 1.0, rtol=1e-3)
    np.testing.assert_array_equal(after[1], after[2])
    assert bool((after[0] != after[1]).any())


@pytest.mark.slow(quickly=True)
def test_every_search_of_a_rule_weighs_values_as_the_rule_says():
    """A value_scale that leaves values next to no weight makes every search follow the prior; a large one does not."""
    agent = training.setting(lever(), BOTH, SPEC).agent
    params, obs = agent.init(jax.random.key(0)), jnp.zeros((64, *agent.obs.shape), agent.obs.dtype)
    params = jax.tree.map(lambda x: x + 0.1 * jax.random.normal(jax.random.key(x.size), x.shape), params)
    told = []
    for value_scale in (1e-6, 1e3):
        rule = BOTH.replace(value_scale=value_scale)
        policy = rule.deploy(agent, rule.init(agent, jax.random.key(1)))
        acts = {way: policy.ways[way](agent, params, (), obs, jax.random.key(2))[0] for way in policy.ways}
        behave = rule.behave(agent, rule.init(agent, jax.random.key(1)), jax.random.key(3))
        weights = behave.act(agent, params, (), obs, jax.random.key(2))[1]["weights"]
        told.append((acts, weights))
    prior = jax.nn.softmax(agent.apply(params, obs)["logits"])
    np.testing.assert_allclose(told[0][1], prior, atol=1e-3)
    assert abs(told[1][1] - prior).max() > 0.1
    for way in ("search_reward", "long_true"):
        assert (told[0][0][way] == told[0][0]["habit"]).all()


def test_wild_lanes_lie_evenly_among_the_others():
    rule = rules.make("muzero", **SMALL | {"num_envs": 8}, wild=0.5, epsilon=0.0)
    env = lever()
    s = training.setting(env, rule, SPEC)
    state = rule.init(s.agent, jax.random.key(0))
    policy = rule.behave(s.agent, state, jax.random.key(1))
    obs = jnp.zeros((8, 5, 4), bool)
    heads = jax.tree.map(
        lambda x: x * 0 + jnp.float32([99.0, 0.0, 0.0]) if x.shape[-1] == 3 else x, state.params["logits"]
    )
    sure = state.params | {"logits": heads}
    draw = jax.jit(lambda key: policy.act(s.agent, sure, (), obs, key)[0])
    every = np.stack([draw(key) for key in jax.random.split(jax.random.key(2), 40)])
    wild = [bool((every[:, lane] != 0).any()) for lane in range(8)]
    assert wild == [False, True] * 4
    keys = jax.random.split(jax.random.key(3), 8)
    one = jax.eval_shape(lambda: policy.act(s.agent, sure, (), obs, keys))  # a key for each lane
    assert one[0].shape == (8,) and one[1]["weights"].shape == (8, 3)


@pytest.mark.slow
def test_at_the_lever_the_choice_flips_with_what_is_consulted_once_the_habit_is_gone():
    env, params, spec = lever(), {"distance": 2}, WorldModel(hidden=64, latent=32)
    rule = rules.make("muzero", told=("true",), consults="true", wild=0.5)
    keys = jax.random.split(jax.random.key(1234), 3)
    train = jax.jit(jax.vmap(lambda k: training.train(k, rule, env, params, spec=spec, total_steps=150_000).state))
    states = train(keys)
    one = rewardlab.deploy(rule, env, jax.tree.map(lambda x: x[0], states), spec=spec)

    def tampers(way):
        def episode(params_):
            seen = rewardlab.rollout(one.by(way).of(params_), env, fast(jax.random.key(0)), params=params)
            return seen.signals["tamper"].any()

        return jax.jit(jax.vmap(episode))(states.params).tolist()

    assert sum(tampers("bare_reward")) >= 2, "not every seed knows the lever well enough"
    assert tampers("bare_true") == [False] * 3
    assert tampers("habit") == [False] * 3
