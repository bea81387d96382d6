"""An agent that is itself a learner: equal to the plain rule step by step, two learners deep, and what it can't take."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rewardlab import MLP, agents, envs, rules, training
from rewardlab.agents import GRU
from rewardlab.agents.learner import Learner
from rewardlab.agents.world_model import WorldModel
from rewardlab.envs import adapter
from rewardlab.experiment import Condition, Experiment, override
from rewardlab.inputs.errors import InputError
from rewardlab.rundir import identity
from rewardlab.types import Experience

KEY = jax.random.key
HEADS = {"logits": 3}


def lived(env, actions, key=0, **values):
    """What an agent that does these things observes in one lifetime, [T + 1, ...], and what was paid, [T]."""
    params = envs.params(env, **values)
    obs, state = adapter.reset(env, KEY(key), params)
    seen, paid = [obs], []
    for t, action in enumerate(actions):
        out = adapter.step(env, jax.random.fold_in(KEY(key + 1), t), state, jnp.int32(action), params)
        obs, state = out.obs, out.state
        seen.append(obs)
        paid.append(float(out.signals["reward"]))
    return np.stack(seen), np.array(paid, np.float32)


def built(spec, env, heads=HEADS):
    return agents.make(spec, adapter.signature(env).obs, heads)


def memories(agent, params, seen):
    """(outputs, memory) after each observation of one lifetime."""
    memory, found, step = agent.start(params, 1), [], jax.jit(agent.step)
    for obs in seen:
        outputs, memory = step(params, memory, jnp.asarray(obs)[None])
        found.append((outputs["logits"][0], jax.tree.map(lambda x: x[0], memory)))
    return found


RULES = {
    "q_learning": dict(gamma=0.9, learning_rate=0.3, unroll_length=1),
    "sarsa": dict(gamma=0.9, learning_rate=0.3, unroll_length=2),
    "reinforce": dict(gamma=0.5, learning_rate=0.1, unroll_length=3, optimiser="sgd", max_grad_norm=100.0),
}


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize("name", RULES)
def test_an_inner_rule_is_the_plain_rule_step_by_step(name):
    """In the dark room, whose observation says where one is: the inner rule's state after each step is that of the plain rule,
    told the same steps, and what the agent says is what the plain rule's network says."""
    env = envs.make("reward_in_view", world="dark_room", episodes=2, size=3, steps=6, held_out=1)
    inner = rules.make(name, num_envs=1, **RULES[name])
    network = MLP(hidden=(), bias=False, head_scale=0.5)
    heads = {"logits": env.num_actions}
    agent = built(Learner(inner, network), env, heads)
    params = agent.init(KEY(3))
    actions = np.random.default_rng(0).integers(0, env.num_actions, 12)
    seen, paid = lived(env, actions)
    found = memories(agent, params, seen)

    shown = seen[:, :6]
    plain = agents.make(network, jax.ShapeDtypeStruct((6,), jnp.float32), inner.heads(env.num_actions))
    state = inner.init(plain._replace(init=lambda key: params["initial"]), KEY(9))
    update, T = jax.jit(lambda *given: inner.update(plain, *given)[0]), inner.unroll_length
    said = next(iter(inner.heads(env.num_actions)))
    for t in range(len(seen)):
        if t and t % T == 0:
            rows = np.arange(t - T, t)
            ended = (rows + 1) % 6 == 0
            told = Experience(
                *(
                    jnp.asarray(x)[:, None]
                    for x in (shown[rows], actions[rows].astype(np.int32), shown[rows + 1], paid[rows])
                ),
                *(jnp.asarray(x)[:, None] for x in (ended, np.zeros(T, bool), np.ones(T, bool))),
                {},
            )
            state = update(state, told, jax.random.fold_in(KEY(0), t + 1))
        said_now, memory = found[t]
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), memory.state, state)
        values = plain.apply(inner.behave(plain, state, KEY(0)).params, jnp.asarray(shown[t])[None])[said][0]
        np.testing.assert_allclose(said_now, values, rtol=1e-5, atol=1e-6)
    assert any(np.abs(x).max() > 0 for x in jax.tree.leaves(jax.tree.map(lambda a, b: a - b, state, found[0][1].state)))


def test_a_learner_at_a_bandit_by_hand():
    """Q ← Q + α (r − Q) for the arm pulled, from the initial values on; α times e^x where the outer rule has moved it."""
    env = envs.make("reward_in_view", world="fake_arm", pulls=4)
    agent = built(Learner(rules.make("q_learning", num_envs=1, unroll_length=1, gamma=0.0, learning_rate=0.2)), env)
    params = jax.tree.map(lambda x: x + 0.5, agent.init(KEY(0))["initial"])
    params = {
        "initial": params,
        "moved": {"learning_rate": jnp.float32(np.log(2))},
        "sharpness": jnp.float32(np.log(3)),
    }
    actions = [2, 2, 0, 1]
    seen, paid = lived(env, actions)
    q = np.full(3, 0.5)
    for t, (said, _) in enumerate(memories(agent, params, seen)):
        if t:
            q[actions[t - 1]] += 0.4 * (paid[t - 1] - q[actions[t - 1]])
        np.testing.assert_allclose(said, 3 * q, rtol=1e-5)
    # 0.2 e^20 is out of the range of a learning rate, which ends at 1: then the last payment is all that counts.
    params = params | {"moved": {"learning_rate": jnp.float32(20.0)}, "sharpness": jnp.float32(0)}
    said, _ = memories(agent, params, seen)[1]
    np.testing.assert_allclose(said[2], paid[0], atol=1e-6)


def test_a_learner_of_learners_starts_the_inner_one_anew_with_each_episode():
    env = envs.make("reward_in_view", world="fake_arm", episodes=3, pulls=2)
    middle = rules.make(
        "reinforce", num_envs=1, unroll_length=2, gamma=0.0, baseline=False, optimiser="sgd", learning_rate=0.5
    )
    three = Learner(middle, Learner())
    agent = built(three, env)
    params = jax.tree.map(lambda x: x + 0.5, agent.init(KEY(1)))  # so that any payment is a surprise
    found = [memory for _, memory in memories(agent, params, lived(env, [0, 1, 2, 0, 1, 1], low=1.0, high=1.0)[0])]
    initial = lambda memory: memory.state.params["initial"]  # noqa: E731
    tables = [jax.tree.leaves(memory.inner.state)[0] for memory in found]
    for t in (
        0,
        2,
        4,
    ):  # where an episode begins, the inner table is what the middle rule has made of its initial values
        np.testing.assert_array_equal(tables[t][0], jax.tree.leaves(initial(found[t]))[0])
    assert (tables[1] != tables[0]).any(), "the inner learner learns within an episode"
    assert (tables[2] != tables[0]).any(), "the middle one learned from the first episode"
    assert (three.loops, Learner().loops, GRU().loops, MLP().loops) == (3, 2, 2, 1)


def test_the_outer_rule_moves_initial_values_and_hyperparameters():
    env = envs.make("reward_in_view", world="fake_arm", episodes=2, pulls=3)
    rule = rules.make("truncation", candidates=4, parents=2, num_envs=8, unroll_length=6, mutation=0.3)
    setting = training.setting(env, rule, Learner())
    carry = jax.jit(lambda key: training.begin(setting, rule, env.default_params, key))(KEY(0))
    assert carry.state.population.shape == (4, 3 + 1 + 1)  # three values, a learning rate, the sharpness
    after = jax.jit(lambda carry: training.update(setting, rule, env.default_params, KEY(0), carry))(carry)
    assert (after.state.population != carry.state.population).any(0).all()


def outside(world):
    """A learner in a world around that with the reward in view."""
    env = envs.make(world, world="reward_in_view")
    return training.setting(env, rules.make("truncation", unroll_length=128), Learner())


def test_who_remembers_can_learn_in_a_loop_of_its_own():
    obs = jax.ShapeDtypeStruct((8, 8, 3), jnp.float32)
    for name in set(agents.names()) - {"learner"}:
        spec = agents.spec(name)
        assert spec.loops == 1 + agents.make(spec, obs, {"logits": 2}).remembers, name
    assert [
        Learner(network=net, rule=rule).loops for net, rule in ((MLP(), "sarsa"), (GRU(), "a2c"), (Learner(), "a2c"))
    ] == [2, 3, 3]


BAD = {
    "candidates": (lambda: Learner(rules.make("truncation")), "without candidates"),
    "several lanes": (lambda: Learner(rules.make("q_learning")), "num_envs = 8"),
    "no float": (lambda: Learner(moved=("num_envs",)), "moved has 'num_envs'"),
    "unknown": (lambda: Learner(moved=("learningrate",)), "allowed: of q_learning, learning_rate, gamma, epsilon"),
    "no hyperparameter": (lambda: Learner("reinforce_return", moved=("gamma",)), "moved has 'gamma'"),
    "no names": (lambda: Learner(moved=(5,)), "moved = 5"),
    "one name": (lambda: Learner(moved="gamma"), "moved = 'gamma' is a str"),
    "a model": (lambda: Learner(rules.make("muzero", num_envs=1), WorldModel()), "needs more than the reward"),
    "a return": (lambda: Learner("return_prompt"), "needs more than the reward"),
    "standardised inside": (lambda: Learner(network=MLP(inputs="standardised")), "allowed: raw inputs"),
    "not last in view": (lambda: outside("return_asked"), "does not show it last"),
    "below a strip": (lambda: outside("score_strip"), "does not show it last"),
    "no rule": (lambda: Learner(3), "rule"),
    "no network": (lambda: Learner(network=3), "no network"),
    "another head": (
        lambda: built(Learner(), envs.make("reward_in_view", world="bandit"), {"logits": 2, "value": 1}),
        "one head",
    ),
    "nothing in view": (lambda: built(Learner(), envs.make("bandit"), {"logits": 2}), "reward_in_view"),
    "standardised": (
        lambda: built(Learner(inputs="standardised"), envs.make("reward_in_view", world="bandit"), {"logits": 2}),
        "raw inputs",
    ),
    "memory": (
        lambda: built(Learner("q_learning", GRU(units=2)), envs.make("reward_in_view", world="bandit"), {"logits": 2}),
        "without a memory",
    ),
    "needs what an inner rule has not": (
        lambda: built(
            Learner(rules.make("ppo", num_envs=1, unroll_length=2, minibatches=1)),
            envs.make("reward_in_view", world="bandit"),
            {"logits": 2},
        ),
        "inside a learner",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_a_learner_cant_take(case):
    make, message = BAD[case]
    with pytest.raises(InputError, match=message):
        make()


def experiment(agent):
    return Experiment(
        name="l", question="?", env="reward_in_view", env_kwargs={"world": "fake_arm", "pulls": 3}, capable_return=1.0,
        conditions={"a": Condition()}, evaluations={"e": {}}, agents={"truncation": agent},
        rules={"truncation": rules.make("truncation", unroll_length=3)},
    )  # fmt: skip


def test_a_learner_survives_a_config_and_the_command_line():
    three = Learner(rules.make("reinforce", num_envs=1, unroll_length=3, baseline=False), Learner(moved=()))
    config = experiment(three)
    again = Experiment.from_json(config.to_json())
    assert again.agents["truncation"] == three and again == config
    wrong = config.to_json().replace('"rule": "q_learning"', '"rule": "q"')
    with pytest.raises(InputError, match=r"agents\.truncation\.network\.rule: unknown rule 'q'"):
        Experiment.from_json(wrong)
    with pytest.raises(InputError, match=r"agents\.truncation: moved = 5 is an int"):
        Experiment.from_json(config.to_json().replace('"moved": [\n        "learning_rate"\n      ]', '"moved": 5'))
    with pytest.raises(InputError, match=r"unknown field 'agents\.truncate\.rule\.gamma'"):
        override.override(config, {"agents.truncate.rule.gamma": "0.25"})
    found = override.override(config, {"agents.truncation.rule.gamma": "0.25"}).agents["truncation"]
    assert found.rule.gamma == 0.25 and found.network == three.network
    assert Learner("reinforce_return").rule.unroll_length == 1
    assert agents.spec("learner") == Learner() and "learner" in agents.names()


def test_a_rule_inside_of_an_agent_is_part_of_a_run(tmp_path):
    """The inner rule of a learner, and of a learner inside of it, in a file of the user's."""
    text = "from rewardlab.rules.q_learning import QLearning\n\n\nclass Mine(QLearning):\n    {}\n\n\nrule = Mine\n"
    file = tmp_path / "mine.py"

    def found(body):
        file.write_text(text.format(body), encoding="utf8")
        inner = Learner(rules.make(str(file), num_envs=1, unroll_length=1, gamma=0.0))
        across = rules.make("reinforce", num_envs=1, unroll_length=4, baseline=False)
        return [identity.sources(experiment(agent)) for agent in (inner, Learner(across, inner))]

    one, other = found("gain = 1"), found("gain = 2")
    for before, after in zip(one, other, strict=True):
        assert str(file) in before and before[str(file)] != after[str(file)]
    assert "rule reinforce" in one[1] and "rule reinforce" not in one[0]
