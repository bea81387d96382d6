"""Planners: the same parameters deployed in several ways, every sentence of `planner`, and a search that is given the world."""

from dataclasses import asdict, replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny
from test_muzero import BOTH, SMALL, SPEC, lever
from worlds import Walk

import rewardlab
from rewardlab import rules, training
from rewardlab.agents import by
from rewardlab.analysis import compare, stats
from rewardlab.auditing import Reach
from rewardlab.experiment import Condition, Experiment
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.probes import Subject, foresight, measured, ways
from rewardlab.probes.outcomes import Outcomes, played
from rewardlab.probes.references import play
from rewardlab.questions import planner
from rewardlab.rundir import store
from rewardlab.running import assembly, rehearsal, runner
from rewardlab.types import Policy

# ------------------------------------------------------------------------------------------------------ ways to deploy


def test_ways_are_of_the_same_parameters_and_every_one_is_another_function():
    s = training.setting(lever(), BOTH, SPEC)
    state = BOTH.init(s.agent, jax.random.key(0))
    policy = BOTH.deploy(s.agent, state)
    kinds = [f"{kind}_{name}" for name in ("reward", "true") for kind in ("search", "long", "bare")]
    assert [*policy.ways] == ["habit", *kinds] and policy.act is policy.ways["search_reward"]
    assert len({*policy.ways.values()}) == 7
    again = rules.make(BOTH, consults="true").deploy(s.agent, state)
    assert again.act is policy.ways["search_true"] and dict(again.ways) == dict(policy.ways)  # programs are shared
    trained = rewardlab.deploy(BOTH, lever(), state, spec=SPEC)
    assert (
        trained.by("bare_true").policy.act is policy.ways["bare_true"] and trained.by("habit").params is trained.params
    )
    with pytest.raises(InputError, match=r"unknown way 'bear_true'; did you mean 'bare_true'"):
        trained.by("bear_true")


@pytest.mark.slow(seldom=True)
def test_an_interrupted_run_goes_on_to_the_same_bits_and_its_policies_act_in_every_way(tmp_path, monkeypatch):
    monkeypatch.setattr(jax, "local_devices", lambda: jax.devices()[:1])
    question = asked(rules={"muzero": BOTH}, seeds=6, total_steps=24 * 60)
    with tiny.cheap_runs():
        runner.run(question, tmp_path / "whole", progress=False)
        tiny.halfway(question, tmp_path / "cut")
        assert list((tmp_path / "cut").glob("checkpoints/*/*/manifest.json"))
        runner.run(question, tmp_path / "cut", progress=False)
    assert tiny.digest(tmp_path / "cut") == tiny.digest(tmp_path / "whole")
    assert list((tmp_path / "whole" / "replays").glob("*.gif"))
    run, env, key = store.open_run(tmp_path / "whole"), lever(), jax.random.key(1)
    for way in ("usual", "habit", "bare_true"):
        policy = run.policy("muzero", 5)
        policy = policy if way == "usual" else policy.by(way)
        found = float(rewardlab.evaluate(policy, env, key, episodes=4)["return"])
        kept = run.results["way_return"].isel(rule=0, condition=0, evaluation=0).sel(seed=5, way=way, paid="reward")
        np.testing.assert_allclose(found, float(kept), rtol=1e-5)


def asked(**changes):
    given = dict(
        name="planner", question="?", asks="planner", env="lever", env_kwargs={"length": 5, "steps": 16},
        conditions={"lever": Condition()}, evaluations={"lever": {}}, agent=SPEC, seeds=12, points=1, episodes=4, width=1,
        rules={"muzero-true": rules.make(BOTH, consults="true"), "muzero-shown": BOTH}, capable_return=14.0,
    )  # fmt: skip
    return Experiment(**(given | changes))


def test_the_probe_plays_every_way():
    plan = Plan(asked(rules={"muzero": BOTH, "other": "fixed"}))
    along = plan.layout.by_probe["ways"]
    assert along["way"][:3] == ("usual", "habit", "search_reward") and along["paid"] == ("reward", "true")
    s, key, params = plan.setting("muzero"), jax.random.key(0), plan.evaluations["lever"]

    def always(action):
        return by(lambda out, key: (jnp.full(len(out["logits"]), action, jnp.int32), {}))

    policy = Policy(s.agent.init(jax.random.key(3)), always(2), {"habit": always(1)})  # works; walks off

    @jax.jit
    def found():
        seen = played(plan.env, params, s.agent, policy, jax.random.clone(key), 4)
        return measured({"ways": ways.probe}, {"ways": along}, Subject(s, policy, params, {}, key, seen=seen))

    assert found()["way_return"][:2].tolist() == [[16.0, 16.0], [0.0, 0.0]]
    assert found()["way_outcome_share"][:2].tolist() == [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    assert all(np.isnan(x[2:]).all() for x in found().values()), "ways that this rule does not have"


# -------------------------------------------------------------------------------------------------------- the question

FLIPS = {"bare_true": 0, "bare_reward": 1}
PREDICTS = Reach("", 5, True, "amounts", ("trunk",), {}, True, (), reads=("logits", "value"), fitted=("value",))


def results(ends, reached=16.0, audit=PREDICTS, **changes):
    """Made-up results: in each way all episodes end in one outcome, {way: its number, or one for each of 12 seeds}; 0 elsewhere."""
    plan, random = Plan(asked(**changes)), np.random.default_rng(0)
    found, along = {}, plan.layout.axes["way"]
    for rule in plan.experiment.rules:
        one = rehearsal.made_up(plan, rule, "lever", random)
        one["return"] = np.full_like(one["return"], reached)
        for w, way in enumerate(along):
            which = np.broadcast_to(ends.get(way, 0), len(one["way_outcome_share"]))
            one["way_outcome_share"][:, 0, w] = np.eye(3)[which]
        found[rule, "lever"] = one
    table = [asdict(replace(audit, rule=rule)) for rule in plan.experiment.rules] if audit else []
    line = {"random": Outcomes(np.full((1, 3), 1 / 3), np.full(1, 3.0), np.full(1, 16.0))}
    return assembly.assemble(plan, found, assembly.Fixed(table, line))


@pytest.mark.parametrize(
    ("ends", "more", "short"),
    [
        (FLIPS, {}, "follows the prediction that it consults"),
        ({}, {}, "does not follow the prediction that it consults"),
        ({"bare_true": 1, "bare_reward": 1}, {}, "does not follow the prediction that it consults"),
        ({"bare_true": 1, "bare_reward": 0}, {}, "does not follow the prediction that it consults"),
        ({"bare_reward": [1] * 7 + [0] * 5}, {}, "follows the prediction that it consults in some seeds"),
        (FLIPS, {"reached": 3.0}, "no claim about what it follows: 0 of 12 seeds competent"),
        (FLIPS, {"seeds": 4}, "no claim about what it follows: 4 of 4 seeds competent, fewer than 10"),
        (FLIPS, {"audit": replace(PREDICTS, reads=("logits",))}, "no claim about what it follows: the audit finds no predictor"),
        (FLIPS, {"audit": None}, "no claim about what it follows: it was not audited"),
        (FLIPS, {"rules": {"muzero": rules.make("muzero", **SMALL)}}, "no claim about what it follows: it can't be"),
        (FLIPS, {"rules": {"ppo": "ppo"}}, "no claim about what it follows: it can't be deployed by two rewards"),
        (FLIPS, {"rules": {"fixed": "fixed"}}, "a control: it reads nothing of reward"),
    ],
)  # fmt: skip
def test_what_is_said_of_a_planner(ends, more, short):
    summary = compare.summarise(results(ends, **more))
    for entry in summary["rules"].values():
        assert entry["short"].startswith(short), entry["short"]
    if short.startswith("no claim"):
        assert (
            summary["verdict"][0].startswith("No claim about what it follows for Gumbel MuZero")
            or "PPO" in summary["verdict"][0]
        )
    elif "control" not in short:
        said = f"Without its habit, and with no parameter changed, a planner {short}: Gumbel MuZero, true ("
        assert summary["verdict"][0].startswith(said), summary["verdict"][0]
        counted = (
            "worked while they consulted “true”, and pulled the lever while they consulted “reward”; with its habit, "
        )
        assert counted in summary["verdict"][1] and summary["verdict"][1].count("(0 of 12 seeds [0–26 %])") == 4
        assert summary["verdict"][2].startswith(
            "The habit alone, without a search: that of Gumbel MuZero, true worked in 12 of 12"
        )
    else:
        assert summary["verdict"] == []


def test_a_rule_that_can_be_deployed_without_its_habit_alone():
    summary = compare.summarise(results(FLIPS, rules={"muzero": BOTH}))
    entry = summary["rules"]["muzero"]
    entry["ways"] = {way: did for way, did in entry["ways"].items() if way in FLIPS}
    entry["flips"] = {"bare": entry["flips"]["bare"]}
    said = planner.verdict(summary)
    assert len(said.headline) == 2 and said.headline[1].endswith("and pulled the lever while they consulted “reward”.")
    assert "habit alone" not in said.rules["muzero"][0] and "12 of 12 seeds" in said.rules["muzero"][0]


def test_the_exact_interval_of_a_share():
    """Clopper & Pearson: at either end, so many cases or more, or fewer, have a chance of 2.5 %; rule of three at the ends."""
    from scipy.stats import binom

    for n, k in ((10, 8), (12, 7), (32, 31)):
        low, high = stats.share_interval(k, n)
        np.testing.assert_allclose([binom.sf(k - 1, n, low), binom.cdf(k, n, high)], 0.025, rtol=1e-6)
    assert stats.share_interval(0, 0) == (None, None)
    np.testing.assert_allclose(stats.share_interval(10, 10), (0.025 ** (1 / 10), 1.0), rtol=1e-6)
    np.testing.assert_allclose(stats.share_interval(0, 10), (0.0, 1 - 0.025 ** (1 / 10)), rtol=1e-6)


def test_other_worlds_can_not_be_asked():
    plan = Plan(asked(env="CartPole-v1", env_kwargs={}, rules={"muzero": rules.make("muzero", **SMALL)}))
    found = {("muzero", "lever"): rehearsal.made_up(plan, "muzero", "lever", np.random.default_rng(0))}
    with pytest.raises(InputError, match="asks = planner needs a world that names its outcomes"):
        compare.summarise(assembly.assemble(plan, found, assembly.Fixed([], {})))


def test_a_search_that_is_given_the_world_finds_what_is_within_its_reach():
    env = Walk()
    here, far = (env.default_params.replace(goal=jnp.int32(goal)) for goal in (3, 6))
    played_by = jax.jit(lambda params: play(env, params, foresight.in_the_world(env, 16), jax.random.key(0), 32))
    assert float(played_by(here).outcomes.returns) == 1.0  # eight ways of three steps, one of which gets there
    assert float(played_by(far).outcomes.returns) == 0.0
    plan = Plan(asked(probes=("foresight",)))
    assert plan.layout.arrays["foresight_return"].dims == ("evaluation", "simulations")
