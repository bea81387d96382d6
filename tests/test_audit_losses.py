"""The audit of losses, and of rules that are not what they say."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
import pytest
from flax import struct
from test_audit import BOTH, row
from test_audit_worlds import Nothing, Shows

from rewardlab import rules
from rewardlab.agents import by, greedily, greedy, sample
from rewardlab.agents.select import entropy, log_prob
from rewardlab.analysis.levels import contradiction
from rewardlab.rules.returns import lambda_returns, reward_to_go
from rewardlab.terminal.table import audit_table
from rewardlab.types import Policy, Rule

# ------------------------------------------------------------------------------------------------------------ the losses


class Learner(NamedTuple):
    params: Any
    last: jax.Array


@struct.dataclass
class Plain(Rule):
    """A rule to be tampered with: level 0, it says; reward-to-go policy gradient and a fitted value, it is."""

    level = 0
    whole = True

    num_envs: int = struct.field(default=2, pytree_node=False)
    unroll_length: int = struct.field(default=5, pytree_node=False)

    def heads(self, num_actions):
        return {"logits": num_actions, "value": 1}

    def init(self, agent, key):
        return Learner(agent.init(key), jnp.zeros(()))

    def behave(self, agent, state, key):
        return Policy(state.params, by(sample("logits")))

    def loss(self, outputs, action, returns):
        return policy_gradient(outputs, action, returns) + squared(outputs, action, returns)

    def returns(self, agent, state, told):
        return reward_to_go(told.reward, told.done, 0.9)

    def update(self, agent, state, told, key):
        returns = self.returns(agent, state, told).reshape(-1)
        obs, action = told.obs.reshape(-1, told.obs.shape[-1]), told.action.reshape(-1)
        slope = jax.grad(lambda p: self.loss(agent.apply(p, obs), action, returns).mean())(state.params)
        params = jax.tree.map(lambda p, d: p - 0.1 * d, state.params, slope)
        return Learner(params, told.reward.mean()), {"loss": jnp.float32(0)}

    def deploy(self, agent, state):
        return Policy(state.params, greedily("logits"))


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
        return Policy(
            state.params, by(lambda outputs, key: sample("logits")({"logits": outputs["logits"] + state.last}, key))
        )

    def by_order(self, agent, state, key):
        choose = greedy("logits")
        return Policy(
            state.params, by(lambda outputs, key: (jnp.where(state.last > 0, 1, choose(outputs, key)[0]), {}))
        )

    assert row(tampered(behave=by_memory)).act == row(tampered(behave=by_order)).act == ("memory",)
    assert row(Plain()).act == ()


def test_a_value_that_is_consulted_is_a_predictor():
    def behave(self, agent, state, key):
        def select(outputs, key):
            return sample("logits")({"logits": outputs["logits"] * outputs["value"]}, key)

        return Policy(state.params, by(select))

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


# ------------------------------------------------------------------------------------------- what goes on of an amount


def turns(reward):
    """As many turns as the rewards come to."""
    return jax.lax.while_loop(lambda c: c[0] < reward.sum(), lambda c: (c[0] + 1.0, c[1] + 1.0), (0.0, 0.0))[1]


def counted(reward):
    return jax.lax.fori_loop(0, reward.sum().astype(jnp.int32), lambda i, x: x + 1.0, 0.0)


def whole(reward):
    return (100.0 * reward).astype(jnp.int32)


MAY = "may carry amounts"
PASSED = {  # what of the rewards float32[5, 2] is added to a bias, and as what it enters
    "the mean": (lambda r: r.mean(), "amounts"),
    "rounded": (lambda r: jnp.round(r.sum()), "amounts"),
    "clipped": (lambda r: jnp.clip(r.sum(), -1.0, 1.0), "amounts"),
    "the largest": (lambda r: jnp.sort(r.reshape(-1))[-1], "amounts"),
    "in whole numbers": (lambda r: whole(r).sum().astype(jnp.float32), MAY),
    "in short whole numbers": (lambda r: r.astype(jnp.int8).max().astype(jnp.float32), MAY),
    "its bits": (lambda r: jax.lax.bitcast_convert_type(r, jnp.uint32).sum().astype(jnp.float32), MAY),
    "sorted whole numbers": (lambda r: jnp.sort(whole(r).reshape(-1))[-1].astype(jnp.float32), MAY),
    "how often a loop turns": (turns, MAY),
    "a number of turns": (counted, MAY),
    "kept in a table of places": (lambda r: jnp.arange(100.0)[whole(r.sum())], MAY),
    "a bar": (lambda r: jnp.where(r.sum() > 1.0, 1.0, 0.0), "choices"),
    "bars cleared": (lambda r: (r > 0.5).sum().astype(jnp.float32), "choices"),
    "the place of the largest": (lambda r: r.argmax().astype(jnp.float32), "choices"),
    "an order": (lambda r: jnp.argsort(r.reshape(-1))[0].astype(jnp.float32), "choices"),
    "an order of whole numbers": (lambda r: jnp.argsort(whole(r).reshape(-1))[0].astype(jnp.float32), "choices"),
    "the best few": (lambda r: jax.lax.top_k(r.reshape(-1), 2)[1].sum().astype(jnp.float32), "choices"),
    "a bar in whole numbers": (lambda r: jnp.where(whole(r).sum() > 3, 1.0, 0.0), "choices"),
    "its shape": (lambda r: float(r.size) * jnp.ones(()), "no"),
}


def adding(number, level=0) -> Rule:
    """A rule of no gradient: number(what it is told) is added to a bias."""

    def update(self, agent, state, told, key):
        bias = state.params["logits"]["bias"] + number(told)
        return state._replace(params=state.params | {"logits": state.params["logits"] | {"bias": bias}}), {}

    return tampered(update=update, level=level)


@pytest.mark.parametrize("name", PASSED)
def test_amounts_choices_and_what_may_be_either_are_told_apart(name):
    number, enters = PASSED[name]
    found = row(adding(lambda told: number(told.reward)))
    assert (found.enters, found.groups) == (enters, ("logits",) if enters != "no" else ())


def test_an_amount_that_waits_in_the_rules_state_as_a_whole_number_may_come_through():
    class Waiting(NamedTuple):
        params: Any
        kept: jax.Array

    def update(self, agent, state, told, key):
        bias = state.params["logits"]["bias"] + state.kept.astype(jnp.float32)
        return Waiting(state.params | {"logits": state.params["logits"] | {"bias": bias}}, whole(told.reward.sum())), {}

    rule = tampered(update=update, init=lambda self, agent, key: Waiting(agent.init(key), jnp.int32(0)))
    assert row(rule).enters == MAY


@pytest.mark.parametrize(
    ("number", "enters"),
    [
        (lambda told: told.next_obs[..., 2].mean(), "amounts"),
        (lambda told: told.obs[..., 2].mean(), "amounts"),
        (lambda told: whole(told.next_obs[..., 2]).sum().astype(jnp.float32), MAY),
        (lambda told: (told.next_obs[..., 2] > 0.5).sum().astype(jnp.float32), "choices"),
        (lambda told: jnp.ones(()), "no"),
    ],
)
def test_a_reward_that_the_world_shows_and_the_rule_reads_there_enters(number, enters):
    """Observations are followed whole, so in a world that shows its reward all that is read of them counts."""
    found = row(adding(number), env=Shows())
    assert (found.enters, found.act) == (enters, ("observation",))
    assert row(adding(number), env=Nothing()).enters == "no"


# ------------------------------------------------------------------------------------- levels that the audit contradicts


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (Plain(), "it declares level 0 (nothing), but the audit finds that reward enters its update as amounts"),
        (adding(lambda told: told.reward.mean(), 1), "level 1 (whether the return clears a bar), but the audit finds"),
        (adding(lambda told: told.reward.mean(), 2), "reward enters its update as amounts"),
        (adding(lambda told: turns(told.reward), 2), "what enters its update may carry amounts of reward"),
        (adding(lambda told: turns(told.reward), 0), "what enters its update may carry amounts of reward"),
        (adding(lambda told: (told.reward > 0.5).sum().astype(jnp.float32), 0), "reward enters its update as choices"),
        (adding(lambda told: jnp.ones(()), 3), "but the audit finds that nothing of reward enters its update"),
        (tampered(level=4, loss=lambda self, *x: action_values(*x)), "logits, which it acts by, is fitted to reward"),
        (adding(lambda told: jnp.ones(()), 0), ""),
        (adding(lambda told: (told.reward > 0.5).sum().astype(jnp.float32), 1), ""),
        (adding(lambda told: told.reward.argmax().astype(jnp.float32), 2), ""),
        (adding(lambda told: told.reward.mean(), 3), ""),
        (tampered(level=4), ""),
        (tampered(level=5, loss=lambda self, *x: action_values(*x)), ""),
    ],
)
def test_a_level_that_the_audit_contradicts_is_said(rule, said):
    found = contradiction(dataclasses.asdict(row(rule)))
    assert (said in found) if said else found == "", found


@pytest.mark.parametrize("name", ["drift", "fixed", "yoked", "guess_and_check", "truncation", "parallel_q"])
def test_the_levels_of_the_packages_own_rules_are_proven_by_its_tests(name):
    found = dataclasses.asdict(row(name))
    assert found["proven"] and contradiction(found) == ""
    if name != "yoked":  # what enters it is another agent's reward, of which dependence can't tell
        assert contradiction(found | {"proven": False}) == ""


def test_the_table_says_which_levels_the_audit_contradicts():
    rows = [dataclasses.asdict(row(rule)) for rule in (Plain(), tampered(level=4))]
    text = audit_table(rows)
    assert text.count("Note: ") == 1 and "Note: Plain: it declares level 0 (nothing), but the audit finds" in text
    assert MAY in audit_table([rows[1] | {"enters": MAY}]) and f"as {MAY}" not in audit_table(
        [rows[1] | {"enters": MAY}]
    )


def test_a_rule_that_derives_from_one_of_the_packages_proves_nothing():
    class Mine(rules.load("yoked")):
        pass

    found = row(struct.dataclass(Mine)(rule=rules.make("reinforce", num_envs=2, unroll_length=5)))
    assert not found.proven and "level 0 (nothing), but" in contradiction(dataclasses.asdict(found))
