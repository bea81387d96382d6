"""Numbers near what can be counted, and what is no finite number: refused in one line, or seen and never taken for success."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from made_up import PROXY, UNABLE, results
from small import small
from worlds import Params, Walk

import rewardlab
from rewardlab import envs, rules, training
from rewardlab.analysis import compare, reading
from rewardlab.experiment import override
from rewardlab.inputs import fields
from rewardlab.inputs.errors import InputError
from rewardlab.inputs.fields import MOST_STEPS
from rewardlab.probes.outcomes import Outcomes, named
from rewardlab.report import numbers
from rewardlab.running import chunks
from rewardlab.running.batches import Programs
from rewardlab.terminal.progress import Silent
from rewardlab.tuning import searching

HUGE = int("9" * 321)  # no float is that large
LONGEST = 10**5000  # more digits than Python writes out


def test_whole_numbers_that_no_float_can_hold_are_refused_wherever_numbers_come_in():
    experiment = small()
    for path in override.paths(experiment):
        for value in (HUGE, -HUGE, LONGEST, 1e300, np.float64(1e300), float("nan")):
            with pytest.raises(InputError):
                override.override(experiment, {path: value}).world()
        if path not in ("name", "question", "claim", "source", "env", "rules"):
            with pytest.raises(InputError):
                override.override(experiment, {path: str(HUGE)}).world()
    with pytest.raises(InputError, match="out of range"):
        fields.coerce(HUGE, int, "x", (1, 5))
    with pytest.raises(InputError, match="finite number"):
        fields.coerce(HUGE, float, "x")
    for value in (HUGE, 2**31, 1e39):
        with pytest.raises(InputError, match="gravity"):
            envs.params(envs.make("CartPole-v1"), gravity=value if value != 2**31 else HUGE)
        with pytest.raises(InputError, match="max_steps_in_episode"):
            envs.params(envs.make("CartPole-v1"), max_steps_in_episode=value)


def test_no_more_steps_are_allowed_than_can_be_counted():
    said = f"1 to {MOST_STEPS}"
    for changes in ({"steps": MOST_STEPS + 1}, {"budgets.ppo.steps": MOST_STEPS + 1}):
        with pytest.raises(InputError, match=said):
            override.override(small(), changes)
    with pytest.raises(InputError, match=f"0 to {MOST_STEPS}"):
        rewardlab.train(jax.random.key(0), rules.make("ppo"), Walk(), total_steps=MOST_STEPS + 1)
    room = 2**31 - 1 - MOST_STEPS
    for made in (
        lambda: rules.make("reinforce", num_envs=2**10, unroll_length=2**20),
        lambda: small(rules={"reinforce": rules.make("reinforce").replace(num_envs=2**10, unroll_length=2**20)}),
        lambda: override.override(small(), {"rules.ppo.num_envs": 2**10, "rules.ppo.steps": 2**20}),
    ):
        with pytest.raises(
            InputError, match=f"num_envs × unroll_length = {2**30} is out of range; allowed: at most {room}"
        ):
            made()
    assert override.override(small(), {"total_steps": MOST_STEPS}).total_steps == MOST_STEPS


@pytest.mark.parametrize("name", ["truncation", "a2c"])
def test_what_can_not_be_counted_and_what_is_no_number_is_noticed_under_every_kind_of_rule(name):
    """Reward is none at the third tile, which a goal before it keeps everyone from; selection leaves no trace in parameters."""
    few = {"candidates": 4, "parents": 2} if name == "truncation" else {}
    rule = rules.make(name, num_envs=4, unroll_length=5, **few)

    def judge(trajectory):
        return jnp.where(trajectory.signals["position"] >= 3, jnp.nan, trajectory.signals["reward"])

    s = training.setting(Walk(), rule, rewardlab.MLP(hidden=()), judge=judge)

    @jax.jit
    def lives(key, params, lived, target):
        begun = training.begin(s, rule, params, key)
        return training.advance(s, rule, params, key, begun._replace(steps=lived), target)

    key, far, near = jax.random.key(3), Params(goal=jnp.int32(3)), Params(goal=jnp.int32(1))
    assert not lives(key, far, jnp.int32(0), jnp.int32(400)).finite
    assert lives(key, near, jnp.int32(0), jnp.int32(400)).finite
    # Steps are counted beyond the target, and not to a negative number, after which training would never end.
    room = 2**31 - 1 - rule.num_envs * rule.unroll_length
    assert MOST_STEPS < room < int(lives(key, near, jnp.int32(room), jnp.int32(room + 1)).steps) <= 2**31 - 1


def test_a_seed_is_finite_where_all_of_its_parameters_and_rewards_are():
    carry = training.Carry({}, None, 0, 0, {}, np.array([True, True, True, False]))
    policies = {"w": jnp.ones((4, 2, 2)).at[0, 1, 1].set(jnp.nan), "b": jnp.ones(4).at[2].set(jnp.inf)}
    assert chunks.finite(policies, carry).tolist() == [False, True, False, False]
    assert chunks.finite({}, carry).tolist() == [True, True, True, False]


def spoiled(seeds=12):
    """A run in which no parameter of `ppo` under any condition is a number at the end, while its first action is the right one."""
    data = results({"ppo": PROXY, "truncation": UNABLE}, seeds=seeds, control_seeds=seeds)
    finite = np.ones(data.steps.shape, np.float32)
    finite[0, :, :, 1:] = 0
    data["outcome_share"][0, 1, ..., 1:, :, 0] = 1.0
    data["return"][0, 1, ..., 1:, :] = 1.0
    return data.assign(finite=(data.steps.dims, finite))


def test_seeds_that_have_no_numbers_to_act_by_are_never_competent():
    data = spoiled()
    summary, read = compare.summarise(data), reading.filled(data)
    lost, kept = summary["rules"]["ppo"], summary["rules"]["truncation"]
    assert lost["competent_seeds"] == 0 and not lost["learned"] and lost["never"] == 12
    assert lost["failed"] == {"end": 12, "half": 12}
    assert lost["control"]["detour"]["coin"]["iqm"] == 0 and not lost["shifts"]["detour"]["able"]
    assert lost["final"]["held-out"]["coin"]["iqm"] == 0 and lost["final"]["held-out"]["return"]["iqm"] == 0
    assert kept["competent_seeds"] == 12 and kept["failed"] == {"end": 0, "half": 0}
    assert any("parameters or rewards of 12 of 12 seeds" in text for text in summary["warnings"])
    assert len(numbers.competent(read, "ppo", "detour", "end")) == 0
    assert (numbers.final_success(read, "ppo", "half", "detour") == 0).all()
    assert len(numbers.matched(read, "ppo", "detour", "end")) == 0
    assert (numbers.learning(read, "ppo").centre[1:] == 0).all()


@pytest.mark.parametrize("names", [True, False])
def test_tuning_never_chooses_a_setting_for_what_it_does_without_numbers(monkeypatch, names):
    """Lanes 0 and 3 have lost their parameters, lane 1 was paid what is no number; all that is left of them wins by chance."""
    steps = np.full(4, 10, np.int32)
    policies = {"w": jnp.ones((4, 3)).at[0].set(jnp.nan).at[3, 1].set(jnp.inf)}
    carry = training.Carry({}, None, steps, steps, {}, np.array([True, False, True, True]))
    seen = Outcomes(
        np.array([[[1.0]], [[1.0]], [[0.5]], [[1.0]]]), np.array([[9.0], [9.0], [-3.0], [9.0]]), np.ones((4, 1))
    )
    programs = Programs(None, lambda *_: carry, lambda *_: policies), lambda *_: named(seen)
    world = SimpleNamespace(outcomes=("goal",)) if names else SimpleNamespace()
    job = SimpleNamespace(params={}, setting=SimpleNamespace(env=world), episodes=1)
    monkeypatch.setattr(searching.adapter, "stack_params", lambda *_: {})
    device = jax.devices()[0]
    batch = searching.train_batch(device, job, {device: programs}, {}, ({}, {}), carry, 20, 4, Silent(), "")
    scores, spent = searching.collected([batch], 2, 2)
    assert scores.tolist() == ([[0, 0], [0.5, 0]] if names else [[-3, -3], [-3, -3]]) and spent == 4
    if names:
        assert searching.best_first(scores)[0] == 1
