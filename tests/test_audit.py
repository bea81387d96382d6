"""The audit against theory: what reward reaches under each rule, with each trunk, and in worlds and rules that hide it."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
import pytest
from flax import struct
from gymnax.environments import spaces
from worlds import Walk

import rewardlab
from rewardlab import MLP, cli, envs, rules
from rewardlab.agents import greedy, make, sample
from rewardlab.agents.select import entropy, log_prob
from rewardlab.collect import collect, start
from rewardlab.envs import adapter
from rewardlab.errors import InputError
from rewardlab.marks import Instead, mark, marked_agent, marked_world
from rewardlab.rules.returns import lambda_returns, reward_to_go
from rewardlab.types import Acting, Rule

WALK, SMALL = Walk(), MLP(hidden=(4,))


def row(rule, agent=SMALL, env=WALK):
    (found,) = rewardlab.audit(rule, agent=agent, env=env)
    return found


# ------------------------------------------------------------------------------------------------------ rules and trunks

BOTH = {"logits": ("trunk", "logits"), "value": ("trunk", "value")}
ACTOR_CRITIC = ("amounts", BOTH, True, ("value",), ())
CHOICE = ("choices", {}, False, (), ())
# What enters, reward's gradient by output, derivative of behaviour, what is fitted, and which predictor is acted on.
THEORY = {
    "guess_and_check": CHOICE,  # a bar
    "truncation": CHOICE,  # an order
    "openai_es": ("amounts", {}, False, (), ()),  # the return, but no derivative of the network
    "reinforce": ACTOR_CRITIC,
    "ppo": ACTOR_CRITIC,
    "shuffled": ACTOR_CRITIC,  # the reward of other episodes is reward still: it carries nothing, but it enters
    "parallel_q": ("amounts", {"q": ("trunk", "q")}, True, ("q",), ("q",)),
}


@pytest.mark.parametrize("name", THEORY)
def test_each_rule_is_what_theory_says(name):
    found = row(name)
    assert (found.enters, found.gradient, found.derivative, found.fitted, found.predictor) == THEORY[name]
    assert found.rule == name and found.level == rules.load(name).level
    assert found.act == () and found.groups == ("trunk", *rules.make(name).heads(2))


def test_the_audit_takes_every_rule_of_the_folder_or_the_rule_says_why_not():
    rows = {found.rule: found for found in rewardlab.audit(agent=SMALL, env=WALK)}
    assert set(THEORY) <= set(rows) <= set(rules.names())
    for name in set(rules.names()) - set(rows):
        with pytest.raises(InputError, match=name):
            row(name)
    for found in rows.values():
        assert found.act == () and found.reads, found.rule
        assert (found.enters == "no") == (found.groups == ()), found.rule
        assert bool(found.predictor) == (found.level == 5), found.rule
        assert json.loads(json.dumps(dataclasses.asdict(found)))["rule"] == found.rule
        if 0 < found.level <= 2:
            assert found.enters == "choices" and not found.gradient, found.rule


TRUNKS = {
    "shared": BOTH,
    "separate": {"logits": ("logits_trunk", "logits"), "value": ("value_trunk", "value")},
    "stop-gradient": {"logits": ("trunk", "logits"), "value": ("value",)},
}


@pytest.mark.parametrize("name", ["ppo", "reinforce", "shuffled"])
def test_the_trunks_are_told_apart(name):
    assert {trunk: row(name, MLP(hidden=(4, 4), layer_norm=True, trunk=trunk)).gradient for trunk in TRUNKS} == TRUNKS


def test_the_gradients_numbers_reach_the_groups_that_the_audit_names():
    def slopes(trunk, key, obs):
        agent = make(MLP(hidden=(8,), trunk=trunk), jax.ShapeDtypeStruct((2,), jnp.float32), {"logits": 2, "value": 1})
        params = agent.init(key)
        of = {h: jax.grad(lambda p, h=h: agent.apply(p, obs)[h].sum())(params) for h in ("logits", "value")}
        return {
            h: {layer: sum(abs(leaf).sum() for leaf in jax.tree.leaves(x)) for layer, x in slope.items()}
            for h, slope in of.items()
        }

    found = jax.jit(lambda *x: {trunk: slopes(trunk, *x) for trunk in TRUNKS})(jax.random.key(0), jnp.ones((3, 2)))
    for trunk, heads in TRUNKS.items():
        for head, groups in heads.items():
            layers = {"Dense_0" if group == "trunk" else group for group in groups}
            assert {layer for layer, size in found[trunk][head].items() if size > 0} == layers, (trunk, head)


def test_trunks_are_options_of_the_network_and_the_shared_one_is_what_it_was():
    heads, key = {"logits": 2, "value": 1}, jax.random.key(1)
    made = {
        trunk: make(MLP(hidden=(3,), trunk=trunk), jax.ShapeDtypeStruct((2,), jnp.float32), heads) for trunk in TRUNKS
    }
    params = {trunk: agent.init(key) for trunk, agent in made.items()}
    assert set(params["shared"]) == {"Dense_0", "logits", "value"}
    assert set(params["separate"]) == {"logits_trunk", "value_trunk", "logits", "value"}
    assert set(params["separate"]["value_trunk"]) == {"Dense_0"}
    same = jax.tree.map(lambda a, b: bool((a == b).all()), params["shared"], params["stop-gradient"])
    assert all(jax.tree.leaves(same))
    obs = jnp.arange(8.0).reshape(4, 2)
    outputs = {trunk: agent.apply(params[trunk], obs) for trunk, agent in made.items()}
    assert all(bool((outputs["shared"][h] == outputs["stop-gradient"][h]).all()) for h in heads)
    assert {h: x.shape for h, x in outputs["separate"].items()} == {"logits": (4, 2), "value": (4, 1)}
    with pytest.raises(InputError, match="did you mean 'shared'"):
        rewardlab.fields.checked(MLP(trunk="sharde"))


# ------------------------------------------------------------------------------------------------------------ the losses


class Learner(NamedTuple):
    params: Any
    last: jax.Array


@struct.dataclass
class Plain(Rule):
    """A rule to be tampered with: level 0, it says; reward-to-go policy gradient and a fitted value, it is."""

    level = 0
    whole = True

    lanes: int = struct.field(default=2, pytree_node=False)
    steps: int = struct.field(default=5, pytree_node=False)

    def heads(self, num_actions):
        return {"logits": num_actions, "value": 1}

    def init(self, agent, key):
        return Learner(agent.init(key), jnp.zeros(()))

    def behave(self, agent, state, key):
        return Acting(state.params, sample("logits"))

    def loss(self, outputs, action, returns):
        return policy_gradient(outputs, action, returns) + squared(outputs, action, returns)

    def returns(self, agent, state, told):
        return reward_to_go(told.reward, told.done, 0.9)

    def update(self, agent, state, told, key):
        returns = self.returns(agent, state, told).reshape(-1)
        obs, action = told.obs.reshape(-1, 2), told.action.reshape(-1)
        slope = jax.grad(lambda p: self.loss(agent.apply(p, obs), action, returns).mean())(state.params)
        params = jax.tree.map(lambda p, d: p - 0.1 * d, state.params, slope)
        return Learner(params, told.reward.mean()), {"loss": jnp.float32(0)}

    def policy(self, agent, state):
        return state.params


def policy_gradient(outputs, action, returns):
    return -returns * log_prob(outputs["logits"], action)


def squared(outputs, action, returns):
    return (outputs["value"][:, 0] - returns) ** 2


def with_baseline(outputs, action, returns):
    advantage = jax.lax.stop_gradient(returns - outputs["value"][:, 0])
    return policy_gradient(outputs, action, advantage) - 0.01 * entropy(outputs["logits"])


def clipped(outputs, action, returns):
    ratio = jnp.exp(log_prob(outputs["logits"], action))
    return -jnp.minimum(ratio * returns, jnp.clip(ratio, 0.8, 1.2) * returns)


def huber(outputs, action, returns):
    return optax.huber_loss(outputs["value"][:, 0], returns)


def cross_entropy(outputs, action, returns):
    """The logits as a forecast: which half the return falls into, with weights, as in distributional learning."""
    share = jnp.clip(returns, 0.0, 1.0)[:, None]
    return -(jnp.concatenate([1.0 - share, share], 1) * jax.nn.log_softmax(outputs["logits"])).sum(-1)


def action_values(outputs, action, returns):
    chosen = (outputs["logits"] * jax.nn.one_hot(action, 2)).sum(-1)
    return 0.5 * (returns - chosen) ** 2


LOGITS, VALUE = {"logits": ("trunk", "logits")}, {"value": ("trunk", "value")}
# (loss, reward's gradient by output, fitted)
LOSSES = [
    (policy_gradient, LOGITS, ()),
    (with_baseline, LOGITS, ()),
    (clipped, LOGITS, ()),
    (squared, VALUE, ("value",)),
    (huber, VALUE, ("value",)),
    (action_values, LOGITS, ("logits",)),
    (lambda *x: with_baseline(*x) + huber(*x), BOTH, ("value",)),
    (lambda outputs, action, returns: entropy(outputs["logits"]), {}, ()),  # nothing of reward in it
    (lambda outputs, action, returns: (outputs["value"][:, 0] - 1.0) ** 2, {}, ()),  # fitted, but not to reward
]


def tampered(**methods) -> Rule:
    return struct.dataclass(type("Tampered", (Plain,), methods))()


@pytest.mark.parametrize("number", range(len(LOSSES)))
def test_regressions_are_told_from_policy_gradients(number):
    loss, gradient, fitted = LOSSES[number]
    found = row(tampered(loss=lambda self, *x: loss(*x)))
    assert (found.gradient, found.fitted, found.derivative) == (gradient, fitted, "logits" in gradient or number == 7)
    assert found.enters == ("amounts" if gradient else "no")


def test_a_fit_by_cross_entropy_is_not_recognised():
    """Its error, softmax minus target, arises in the slope alone. `Reach` says that it does not see this."""
    found = row(tampered(loss=lambda self, *x: cross_entropy(*x)))
    assert found.gradient == LOGITS and found.fitted == ()


def test_a_bootstrapped_target_is_a_target():
    def returns(self, agent, state, told):
        value = agent.apply(state.params, told.next_obs.reshape(-1, 2))["value"].reshape(told.reward.shape)
        return lambda_returns(told.reward, value, told.terminated, told.done, 0.9, 0.8)

    assert row(tampered(returns=returns)).fitted == ("value",)
    assert row(tampered(returns=returns, loss=lambda self, *x: clipped(*x))).fitted == ()


# ------------------------------------------------------------------------------------- rules that are not what they say


def test_a_declared_level_is_shown_and_never_used():
    liar, honest = Plain(), tampered(level=4)
    assert row(liar).level == 0 and row(liar).enters == "amounts" and row(liar).gradient == BOTH
    blind = {"rule": "", "level": None}
    assert dataclasses.replace(row(liar), **blind) == dataclasses.replace(row(honest), **blind)


def test_a_rule_that_remembers_reward_and_acts_on_it_is_caught():
    def by_memory(self, agent, state, key):
        return Acting(
            state.params, lambda outputs, key: sample("logits")({"logits": outputs["logits"] + state.last}, key)
        )

    def by_order(self, agent, state, key):
        choose = greedy("logits")
        return Acting(state.params, lambda outputs, key: (jnp.where(state.last > 0, 1, choose(outputs, key)[0]), {}))

    assert row(tampered(behave=by_memory)).act == row(tampered(behave=by_order)).act == ("memory",)
    assert row(Plain()).act == ()


def test_a_value_that_is_consulted_is_a_predictor():
    def behave(self, agent, state, key):
        def select(outputs, key):
            return sample("logits")({"logits": outputs["logits"] * outputs["value"]}, key)

        return Acting(state.params, select)

    found = row(tampered(behave=behave))
    assert found.reads == ("logits", "value") and found.predictor == ("value",)
    assert row(Plain()).reads == ("logits",) and row(Plain()).predictor == ()


def test_a_slope_that_is_thrown_away_counts_for_nothing():
    def update(self, agent, state, told, key):
        _, log = Plain.update(self, agent, state, told, key)
        state, _ = Plain.update(self, agent, state, told, key)
        good = told.reward.sum() > 1.0
        return state._replace(params=jax.tree.map(lambda p: jnp.where(good, p + 1.0, p), state.params)), log

    kept = row(tampered(update=update))
    thrown = row(tampered(update=lambda self, a, s, told, k: (update(self, a, s, told, k)[0]._replace(
        params=jax.tree.map(lambda p: jnp.where(told.reward.sum() > 1.0, p + 1.0, p), s.params)), {})))  # fmt: skip
    assert kept.derivative and kept.gradient == BOTH
    assert (thrown.enters, thrown.derivative, thrown.gradient, thrown.fitted) == ("choices", False, {}, ())
    assert thrown.groups == ("trunk", "logits", "value")


def test_a_group_that_reward_does_not_reach_is_not_named():
    def update(self, agent, state, told, key):
        bias = state.params["logits"]["bias"] + told.reward.mean()
        return state._replace(params=state.params | {"logits": state.params["logits"] | {"bias": bias}}), {}

    found = row(tampered(update=update))
    assert (found.enters, found.groups, found.gradient, found.derivative) == ("amounts", ("logits",), {}, False)


def test_a_directional_derivative_is_a_derivative():
    def update(self, agent, state, told, key):
        def of(params):
            return (agent.apply(params, told.obs.reshape(-1, 2))["logits"].sum(-1) * told.reward.reshape(-1)).sum()

        along = jax.tree.map(jnp.ones_like, state.params)
        slope = jax.jvp(of, (state.params,), (along,))[1]
        return state._replace(params=jax.tree.map(lambda p: p + slope, state.params)), {}

    found = row(tampered(update=update))
    assert found.derivative and found.enters == "amounts" and found.gradient == {}


def test_a_table_written_by_hand_is_a_predictor_and_a_step_is_none():
    """Without any derivative: r + γ max q is a target, q + αr is a step."""

    def fit(self, agent, state, told, key):
        table = state.params["logits"]["kernel"]
        table = told.reward.mean() + 0.9 * table.max(-1, keepdims=True) + jnp.zeros_like(table)
        return state._replace(params=state.params | {"logits": state.params["logits"] | {"kernel": table}}), {}

    def step(self, agent, state, told, key):
        def moved(p):  # as a flat vector, as many rules hold them
            return (p.reshape(-1) + 0.1 * told.reward.mean()).reshape(p.shape)

        return state._replace(params=jax.tree.map(moved, state.params)), {}

    assert row(tampered(update=fit)).predictor == ("logits",)
    assert row(tampered(update=step)).predictor == ()


# ---------------------------------------------------------------------------------------------------------------- worlds


class Shows(Walk):
    """Shows the reward of the last step as a third number. How it comes by it, the subclasses say."""

    def reset_env(self, key, params):
        obs, state = super().reset_env(key, params)
        return jnp.append(obs, 0.0), state

    def step_env(self, key, state, action, params):
        obs, state, reward, terminated, info = super().step_env(key, state, action, params)
        return jnp.append(obs, self.shown(state, reward, params)), state, self.paid(reward), terminated, info

    def shown(self, state, reward, params):
        return reward.astype(jnp.float32)

    def paid(self, reward):
        return reward

    def observation_space(self, params=None):
        return spaces.Box(-10, 10, (3,), jnp.float32)


class Scaled(Shows):
    def paid(self, reward):
        return -0.5 * reward.astype(jnp.float32) + 1.0


class Again(Shows):
    """Works the reward out again, in the same words."""

    def shown(self, state, reward, params):
        return (state.position >= params.goal).astype(jnp.int32).astype(jnp.float32)


class Otherwise(Shows):
    """Works the reward out again, in other words: what merely has the same causes."""

    def shown(self, state, reward, params):
        return jnp.clip(1.0 + state.position - params.goal, 0.0, 1.0)


class Nothing(Shows):
    def shown(self, state, reward, params):
        return jnp.float32(0)


class Later:
    """Any world, with the reward kept in the state and shown two steps later."""

    def __init__(self, env):
        self.env = env

    def __getattr__(self, name):
        return getattr(self.env, name)

    def reset_env(self, key, params):
        obs, state = self.env.reset_env(key, params)
        return jnp.append(obs, 0.0), (state, jnp.zeros(2))

    def step_env(self, key, state, action, params):
        state, kept = state
        obs, state, reward, terminated, info = self.env.step_env(key, state, action, params)
        queue = jnp.append(kept[1:], reward.astype(jnp.float32))
        return jnp.append(obs, kept[0]), (state, queue), reward, terminated, info

    def is_truncated(self, state, params):
        return self.env.is_truncated(state[0], params)

    def observation_space(self, params=None):
        return spaces.Box(-10, 10, (3,), jnp.float32)


class Ending(Walk):
    """Ends when its reward says so, and is reset then."""

    def step_env(self, key, state, action, params):
        obs, state, reward, _, info = super().step_env(key, state, action, params)
        return obs, state, reward, reward > 0, info


class Compiled(Shows):
    step_env = jax.jit(Shows.step_env, static_argnums=0)


SEEN, UNSEEN = ("observation",), ()
WORLDS = {
    "shown": (Shows(), SEEN),
    "shown at another scale": (Scaled(), SEEN),
    "worked out again": (Again(), SEEN),
    "inside of a jit": (Compiled(), SEEN),
    "kept, and shown later": (Later(WALK), SEEN),
    "not shown": (Nothing(), UNSEEN),
    "ends by its reward": (Ending(), UNSEEN),
    "by another formula": (Otherwise(), UNSEEN),  # not caught, as `Reach` says
    "a bandit that shows the last reward": ("BernoulliBandit-misc", SEEN),
    "CartPole": ("CartPole-v1", UNSEEN),
    "a reward that is fixed": ("MountainCar-v0", UNSEEN),
    "CoinRun": (envs.make("coinrun", levels=8, held_out=8), UNSEEN),
}


@pytest.mark.parametrize("name", WORLDS)
def test_a_world_that_shows_reward_is_caught(name):
    env, act = WORLDS[name]
    assert [row(rule, env=env).act for rule in ("ppo", "truncation")] == [act, act]


@pytest.mark.parametrize(
    "name", ["shown at another scale", "kept, and shown later", "not shown", "a bandit that shows the last reward"]
)
def test_another_reward_changes_actions_where_the_audit_says_so_and_nowhere_else(name):
    """A second opinion, by numbers: the actions of an agent that looks at everything, with 7 more reward in the program."""
    env, act = WORLDS[name]
    env = envs.make(env)

    @jax.jit
    def actions(more):
        world = marked_world(env, lambda x, role: (x + more).astype(x.dtype) if role == "reward" else x)
        params = adapter.set_params(env.default_params, {})
        lanes = start(world, params, jax.random.key(0), 64)
        agent = make(
            MLP(hidden=(8,), head_scale=3.0),
            jax.ShapeDtypeStruct(lanes.obs.shape[1:], lanes.obs.dtype),
            {"logits": env.num_actions},
        )
        acting = Acting(agent.init(jax.random.key(1)), sample("logits"))
        return collect(world, params, agent, acting, lanes, jax.random.key(2), 10)[1].action

    assert bool((actions(jnp.float32(0)) != actions(jnp.float32(7))).any()) == bool(act)


# ----------------------------------------------------------------------------------------------------------------- marks


def test_marks_are_identities_with_a_slope_that_is_marked():
    def f(x):
        return (mark(x, "here", "a") ** 2).sum()

    x = jnp.arange(3.0)
    assert bool((jax.jit(jax.grad(f))(x) == 2 * x).all())
    assert bool((jax.vmap(jax.grad(f))(x[:, None])[:, 0] == 2 * x).all())
    assert float(jax.jvp(f, (x,), (jnp.ones(3),))[1]) == 6.0
    curved = jax.jvp(jax.grad(f), (x,), (jnp.ones(3),))[1]
    assert bool((curved == 2.0).all())
    roles = [e.params["role"] for e in jax.make_jaxpr(jax.grad(f))(x).eqns if e.primitive.name == "mark"]
    assert roles == ["here", "here'"]
    assert bool((mark(x, "here") == x).all())


def test_the_program_that_is_read_is_the_one_that_runs():
    """With its marks, world and agent give the same numbers."""
    marked = marked_world(WALK)
    key, state = jax.random.key(0), adapter.reset(WALK, jax.random.key(1), WALK.default_params)[1]
    plain, same = (adapter.step(env, key, state, jnp.int32(1), WALK.default_params) for env in (WALK, marked))
    assert jax.tree.map(lambda a, b: bool((a == b).all()), plain, same) == jax.tree.map(lambda _: True, plain)
    agent = make(SMALL, jax.ShapeDtypeStruct((2,), jnp.float32), {"logits": 2})
    params, obs = agent.init(jax.random.key(2)), jnp.ones((3, 2))
    assert bool((agent.apply(params, obs)["logits"] == marked_agent(agent).apply(params, obs)["logits"]).all())
    assert Instead(WALK, num_actions=7).num_actions == 7 and Instead(WALK).outcomes == WALK.outcomes


# ---------------------------------------------------------------------------------------------------------- command line


def test_the_command_line_prints_what_the_library_finds(capsys):
    words = ["audit", "--rule", "ppo", "parallel_q", "--env", "CartPole-v1", "--agent", "stop-gradient"]
    assert cli.main([*words, "--agent.hidden", "4"]) == 0
    out = capsys.readouterr().out
    ppo, q = (next(line for line in out.splitlines() if line.startswith(name)) for name in ("ppo", "parallel_q"))
    assert "logits: trunk, logits; value: value" in ppo and "value, which does not act" in ppo
    assert "q: trunk, q" in q and "q, which acts" in q
    assert "Reaches act: " in out and "Left out" not in out and max(map(len, out.splitlines())) < 140


def test_rules_may_be_given_in_every_way(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("from rewardlab.rules.ppo import PPO\n\nclass Mine(PPO):\n    pass\n\nrule = PPO\n")
    made = rules.make("ppo", lanes=4)
    for given, names in [
        ("ppo", ["ppo"]),
        (made, ["ppo"]),
        (Plain(), ["Plain"]),
        (str(file), ["mine"]),
        (["ppo", "shuffled"], ["ppo", "shuffled"]),
        ({"quick": made}, ["quick"]),
    ]:
        assert [found.rule for found in rewardlab.audit(given, agent=SMALL, env=WALK)] == names


def test_rules_of_whole_episodes_get_the_steps_for_one():
    assert row("reinforce", env="CartPole-v1").gradient == BOTH  # of up to 500 steps, with 128 by default
    nested = rules.make("shuffled", rule=rules.make("reinforce", steps=1))
    assert row(nested).gradient == BOTH


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("audit --rule pppo", "did you mean 'ppo'?"),
        ("audit --env coinrnu", "did you mean 'coinrun'?"),
        ("audit --agent seperate", "did you mean 'separate'?"),
        ("audit --ruel ppo", "did you mean '--rule'?"),
        ("audit --agent.hiden 3", "did you mean 'agent.hidden'?"),
        ("audit --agent.hidden 0", "agent.hidden = 0 is out of range"),
        ("audit --rule", "expected at least one argument"),
        ("audit ppo", "unrecognized arguments: ppo"),
    ],
)
def test_bad_words_end_in_one_line(capsys, line, said):
    assert cli.main(line.split()) == 2
    out, err = capsys.readouterr()
    assert out == "" and said in err and err.count("\n") == 1
