"""What training leaves behind, from Python: learning curves, trained policies played and measured, and notebooks' displays."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny
from gymnax.environments import spaces
from worlds import Walk

import rewardlab
from rewardlab import envs, policies, rules
from rewardlab.agents import GRU, MLP
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.rundir import parts
from rewardlab.running import batches, chunks, runner

KEY = jax.random.key
WORLD = envs.make("dark_room", size=3, steps=8, held_out=2)


@pytest.fixture(scope="module")
def trained():
    rule = rules.make("reinforce", num_envs=8, unroll_length=16)
    return rule, jax.jit(
        lambda key: rewardlab.train(key, rule, WORLD, total_steps=512, points=2, episodes=16, log=True)
    )(KEY(0))


@pytest.mark.slow(quickly=True)
def test_a_learning_curve_is_of_the_same_training_and_of_the_policy_at_each_point(trained):
    rule, carry = trained
    plain = jax.jit(lambda key: rewardlab.train(key, rule, WORLD, total_steps=512))(KEY(0))
    jax.tree.map(np.testing.assert_array_equal, carry.state, plain.state)
    curve = carry.records
    assert curve.steps.tolist() == [0, 256, 512] == [0, 256, int(carry.steps)]
    assert {name: x.shape for name, x in curve.log.items()} == {name: (3,) for name in carry.log}
    assert float(curve.log["loss"][-1]) == float(carry.log["loss"])
    last = rewardlab.deploy(rule, WORLD, carry.state)
    seen = jax.random.fold_in(KEY(0), 2**32 - 1)
    found = rewardlab.evaluate(last, WORLD, seen, episodes=16)
    np.testing.assert_allclose(curve.found.returns[-1], found["return"], atol=1e-6)
    np.testing.assert_allclose(curve.found.share[-1], [*found["outcome_share"].values()], atol=1e-6)
    assert plain.records == ()


@pytest.mark.slow(quickly=True)
def test_seeds_are_mapped_over_curves_and_evaluations():
    rule = rules.make("reinforce", num_envs=4, unroll_length=8)
    keys = jax.random.split(KEY(1), 3)
    carry = jax.jit(jax.vmap(lambda key: rewardlab.train(key, rule, WORLD, total_steps=64, points=1, episodes=4)))(keys)
    assert carry.records.found.returns.shape == (3, 2)
    one = rewardlab.deploy(rule, WORLD, jax.tree.map(lambda x: x[0], carry.state))
    params = jax.vmap(lambda state: rewardlab.deploy(rule, WORLD, state).params)(carry.state)
    measure = lambda p: rewardlab.evaluate(one.of(p), WORLD, KEY(2), episodes=4)["return"]  # noqa: E731
    together = jax.jit(jax.vmap(measure))(params)
    alone = [measure(jax.tree.map(lambda x, i=i: x[i], params)) for i in range(3)]
    np.testing.assert_allclose(together, alone, atol=1e-6)


@pytest.mark.slow(quickly=True)
def test_a_rollout_is_what_the_policy_does_step_by_step():
    rule = rules.make("reinforce", num_envs=4, unroll_length=8)
    state = rule.init(rewardlab.training.setting(WORLD, rule, GRU(units=4)).agent, KEY(3))
    policy = rewardlab.deploy(rule, WORLD, state, spec=GRU(units=4))
    seen = rewardlab.rollout(policy, WORLD, KEY(4), episodes=2)
    memory, happened = policy.start(2), np.asarray(seen.mask)
    for t in range(len(seen.action)):
        action, memory = policy.act(seen.obs[t], KEY(0), memory)
        np.testing.assert_array_equal(np.asarray(action)[happened[t]], np.asarray(seen.action[t])[happened[t]])
    drawn = rewardlab.rollout(policy, WORLD, KEY(4), episodes=64, temperature=jnp.float32(100.0))
    counts = np.bincount(np.asarray(drawn.action)[np.asarray(drawn.mask)], minlength=5)
    assert (counts > 0).all(), "at a high temperature every action is drawn"


def test_what_does_not_fit_is_refused_in_one_line(trained):
    rule, carry = trained
    policy = rewardlab.deploy(rule, WORLD, carry.state)
    with pytest.raises(
        InputError,
        match=r"world CartPole-v1 has observations float32\[4\] and 2 actions, and the policy takes bool\[6\] and 5",
    ):
        rewardlab.rollout(policy, "CartPole-v1", KEY(0))
    with pytest.raises(InputError, match="episodes = 0 is out of range"):
        rewardlab.evaluate(policy, WORLD, KEY(0), episodes=0)
    with pytest.raises(InputError, match="'sise'"):
        rewardlab.evaluate(policy, WORLD, KEY(0), params={"sise": 2})
    with pytest.raises(InputError, match="policies"):
        tiny.experiment(policies="all")


def test_notebooks_show_what_was_asked_and_escape_it(tmp_path):
    asked = tiny.experiment(question="Is 1 < 2?")
    shown = asked._repr_html_()
    assert "Is 1 &lt; 2?" in shown and all(
        name in shown for name in (*asked.rules, *asked.conditions, *asked.evaluations)
    )
    rows = rewardlab.audit(["reinforce"], env=WORLD)
    assert "reinforce" in rows._repr_html_() and rows == (rows[0],)
    run = rewardlab.rundir.store.Run(tmp_path)
    assert "config.json" in run._repr_html_(), "what is missing is said, and nothing is raised"


@pytest.mark.parametrize(("kept", "count"), [((True, True), 3), ((False, True), 0), ((True, False), 2)])
def test_the_first_seeds_whose_policies_are_kept_are_counted(monkeypatch, kept, count):
    """Parts may have been written without policies, or have them on the disk and no more in memory."""
    asked = tiny.experiment()
    rule, main = next(iter(asked.rules)), next(iter(asked.conditions))
    of = [parts.Batch(rule, main, (0, 1)), parts.Batch(rule, main, (2,)), parts.Batch(rule, "other", (3,))]
    disk = {b: parts.Part(b, {}, {"w": np.zeros(1)} if k else {}, {}) for b, k in zip(of, (*kept, True), strict=True)}
    memory = [part._replace(policies={}) for part in disk.values()]

    def scan(path, plan, note, of, known):
        return [*(disk | {part.batch: part for part in known}).values()]

    monkeypatch.setattr(parts, "scan", scan)
    for known in ((), memory):
        assert policies.first("run", Plan(asked), rule, 9, known) == count
    assert policies.first("run", Plan(asked), rule, 1) == min(count, 1)


@pytest.mark.slow(quickly=True)
def test_policies_of_all_seeds_are_kept_and_played_and_a_callback_is_told(tmp_path, monkeypatch, one_device):
    moments, asked = [], tiny.experiment(policies="points")
    run = rewardlab.run(asked, tmp_path / "all", progress=False, callback=moments.append)
    rule, condition = next(iter(asked.rules)), next(iter(asked.conditions))
    count, targets = asked.seeds_of(rule, condition), asked.targets(rule)
    for point in range(len(targets)):
        params = run.params(rule, point=point)
        assert {len(x) for x in jax.tree.leaves(params)} == {count}
        measure = partial(rewardlab.evaluate, env=asked.world(), key=KEY(0), episodes=4)
        for seed in (0, count - 1):
            policy = run.policy(rule, seed, point=point)
            jax.tree.map(
                lambda one, every, seed=seed: np.testing.assert_array_equal(one, every[seed]), policy.params, params
            )
            assert np.isfinite(measure(policy)["return"])
    first, last = (jax.tree.leaves(run.params(rule, 0, point=point)) for point in (0, -1))
    assert any((a != b).any() for a, b in zip(first, last, strict=True))

    # A callback hears of every evaluation of every seed, with the figures that the results have.
    told = {
        (m.rule, m.condition, seed, m.point): m.measured["return"][i]
        for m in moments
        if m.point is not None
        for i, seed in enumerate(m.seeds)
    }
    found = run.results["return"]
    for (rule_, condition_, seed, point), value in told.items():
        np.testing.assert_array_equal(found.sel(rule=rule_, condition=condition_, seed=seed).isel(point=point), value)
    assert len(told) == sum(asked.seeds_of(r, c) for r in asked.rules for c in asked.conditions) * len(targets)

    with pytest.raises(InputError, match=f"seed = {count} is out of range"):
        run.policy(rule, count)
    with pytest.raises(InputError, match=r"rule.*'pp'"):
        run.policy("pp")
    page = run._repr_html_()
    assert run.summary["verdict"][0][:20] in page

    # Turned off, only what is filmed is kept; a run that was cut off keeps the same.
    tiny.light(monkeypatch.setattr)
    off = rewardlab.run(tiny.experiment(policies="none"), tmp_path / "off", progress=False)
    with pytest.raises(InputError, match=f"policies of {rule} under {condition} are not kept of seeds {count - 1}"):
        off.policy(rule, count - 1)
    with pytest.raises(InputError, match='policies = "points"'):
        off.policy(rule, 0, point=0)
    jax.tree.map(np.testing.assert_array_equal, off.params(rule, 0), run.params(rule, 0))
    assert (
        0 < policies.first(off.path, off.plan, rule, count) < count == policies.first(run.path, run.plan, rule, count)
    )

    class Enough(Exception):
        pass

    def cut(moment):
        if moment.point == 1:
            raise Enough

    with pytest.raises(Enough):
        rewardlab.run(asked, tmp_path / "cut", progress=False, callback=cut)
    whole = rewardlab.run(asked, tmp_path / "cut", progress=False)
    for r in asked.rules:
        for point in range(len(targets)):
            jax.tree.map(np.testing.assert_array_equal, whole.params(r, point=point), run.params(r, point=point))
    # A part that is damaged is named, and no other seed takes the place of those in it.
    first_part = parts.scan(run.path, Plan(asked), print)[0]
    (run.path / parts.FOLDER / f"{first_part.batch.name}.npz").write_bytes(b"x")
    owner, where, gone = first_part.batch
    with pytest.raises(
        InputError, match=f"policies of {owner} under {where} are not kept of seeds {gone[0]}.*is damaged"
    ):
        run.params(owner, condition=where)


def refused(what, function):
    with pytest.raises(InputError, match=what) as problem:
        function()
    assert "\n" not in str(problem.value)


def test_worlds_params_and_temperatures_that_do_not_fit_are_refused(trained):
    rule, carry = trained
    policy, go = rewardlab.deploy(rule, WORLD, carry.state), partial(rewardlab.evaluate, key=KEY(0), episodes=2)

    class Fewer(Walk):
        num_actions = 3

        def action_space(self, params=None):
            return spaces.Discrete(3)

    walker = rewardlab.deploy(rule, Walk(), rewardlab.train(KEY(0), rule, Walk(), total_steps=16).state)
    refused(
        "world Fewer has observations .* and 3 actions, and the policy takes .* and 2 actions",
        lambda: go(walker, Fewer()),
    )
    longer = WORLD.default_params.replace(max_steps_in_episode=100)
    refused("max_steps_in_episode = 100 is out of range", lambda: go(policy, WORLD, params=longer))
    refused(
        "params = .*; allowed: a dict", lambda: go(policy, WORLD, params=envs.make("corner", size=5).default_params)
    )
    refused("params = \\[1\\]; allowed: a dict", lambda: go(policy, WORLD, params=[1]))
    for temperature in (-1, float("nan"), "hot", [1.0, 2.0]):
        refused("temperature", lambda x=temperature: go(policy, WORLD, temperature=x))
    refused("policy = None; allowed", lambda: go(None, WORLD))
    refused("key is an array of keys", lambda: rewardlab.evaluate(policy, WORLD, jax.random.split(KEY(0)), episodes=2))
    over = jax.vmap(lambda held: go(policy, WORLD, params={"held_out": held})["return"])(jnp.array([False, True]))
    assert over.shape == (2,)
    refused(
        "'heldout'", lambda: jax.vmap(lambda x: go(policy, WORLD, params={"heldout": x})["return"])(jnp.array([False]))
    )


def test_states_and_memories_that_do_not_fit_are_refused(trained):
    rule, carry = trained
    state = carry.state
    others = {
        "another network": lambda: rewardlab.deploy(rule, WORLD, state, spec=MLP(hidden=(3,))),
        "one with a memory": lambda: rewardlab.deploy(rule, WORLD, state, spec="gru"),
        "several seeds": lambda: rewardlab.deploy(rule, WORLD, jax.tree.map(lambda x: jnp.stack([x, x]), state)),
        "another rule": lambda: rewardlab.deploy("truncation", WORLD, state),
        "parameters": lambda: rewardlab.deploy(rule, WORLD, state.params),
        "nothing": lambda: rewardlab.deploy(rule, WORLD, None),
    }
    for function in others.values():
        refused("state is not what .* carries with this network", function)
    refused("'heldout'", lambda: rewardlab.deploy(rule, WORLD, state, main={"heldout": 1.0}))
    agent = rewardlab.training.setting(WORLD, rule, GRU(units=4)).agent
    policy = rewardlab.deploy(rule, WORLD, rule.init(agent, KEY(3)), spec=GRU(units=4))
    obs = jnp.zeros((2, 6), bool)
    action, memory = policy.act(obs, KEY(0))
    assert action.shape == (2,) and memory.shape == (2, 4)
    refused(r"memory is of shapes", lambda: policy.act(obs, KEY(0), memory[:1]))
    refused(r"obs is of shape \[6\]; allowed: \[N, 6\]", lambda: policy.act(obs[0], KEY(0)))
    refused("lanes = 0 is out of range", lambda: policy.start(0))


def test_a_network_of_other_numbers_and_a_callback_that_is_none_are_refused_before_anything_runs(tmp_path):
    class Half(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Dense(3, dtype=jnp.float32, param_dtype=jnp.bfloat16)(x.reshape(x.shape[0], -1))

    refused("bfloat16; expected: parameters that are all float32", lambda: tiny.experiment(agent=Half()).world())
    refused("callback = 3 can't be called", lambda: rewardlab.run(tiny.experiment(), tmp_path / "x", callback=3))
    assert not (tmp_path / "x").exists()


def test_policies_that_would_fill_the_disk_are_not_kept_and_that_is_said(monkeypatch):
    asked, notes = tiny.experiment(policies="points"), []
    rule = next(iter(asked.rules))
    shapes = {"w": jax.ShapeDtypeStruct((asked.width, 250), jnp.float32)}
    programs = batches.Programs(None, None, type("Policy", (), {"out_info": shapes}))
    jobs = {rule: chunks.Compiled(None, None, {"cpu": programs}, {}, 0.0)}
    total = 1000 * len(asked.targets(rule)) * sum(asked.seeds_of(rule, name) for name in asked.conditions)
    for limit, kept in ((total, {rule}), (total - 1, set())):
        monkeypatch.setattr(runner, "POLICIES", limit)
        assert runner.keepers(asked, jobs, notes.append) == kept
    assert len(notes) == 1 and notes[0].startswith(f"Policies of {rule} are kept of its first batch alone")
    assert runner.keepers(tiny.experiment(policies="none"), jobs, notes.append) == set()
