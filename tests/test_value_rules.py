"""Value iteration, temporal differences and DQN against their closed forms, by enumeration where nothing says otherwise."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_gradient_rules import predictor
from told import REWARD, TRANSITION, chain_experience, experience, table

from rewardlab.agents import MLP, make
from rewardlab.agents.select import annealed
from rewardlab.inputs.errors import InputError
from rewardlab.rules.dqn import DQN, double_q
from rewardlab.rules.expected_sarsa import ExpectedSARSA
from rewardlab.rules.parallel_q import ParallelQ
from rewardlab.rules.q_learning import QLearning
from rewardlab.rules.sarsa import SARSA
from rewardlab.rules.value_iteration import ValueIteration, value_iteration

GAMMA, EPSILON = 0.8, 0.3
Q = np.array([[0.5, -1.0], [0.3, 2.0]])
TD = [QLearning, SARSA, ExpectedSARSA]


def eps_greedy(q):
    """π(a|s) of the ε-greedy policy, [S, A]."""
    return EPSILON / q.shape[-1] + (1 - EPSILON) * np.eye(q.shape[-1])[q.argmax(-1)]


def update(rule, agent, state, told, key=0):
    return jax.jit(rule.update, static_argnums=0)(agent, state, told, jax.random.key(key))


# ---- the agent that is a table ----


def test_a_linear_network_of_one_hot_states_is_a_table():
    agent = make(MLP(hidden=(), bias=False, head_scale=0.0), jax.ShapeDtypeStruct((2, 3), jnp.float32), {"q": 4})
    (zeros,) = jax.tree.leaves(params := agent.init(jax.random.key(0)))
    assert zeros.shape == (6, 4) and not zeros.any()
    values = jnp.arange(24.0).reshape(6, 4)
    out = agent.apply(jax.tree.map(lambda _: values, params), jnp.eye(6).reshape(6, 2, 3))["q"]
    np.testing.assert_array_equal(out, values)


# ---- temporal differences ----


@pytest.mark.parametrize("cls", TD)
def test_expected_update(cls):
    """E[q'] = (1 − α) q + α T q at the pair met: T q = r + γ E max q for Q-learning (Watkins & Dayan 1992), and
    r + γ E Σ π q for SARSA and expected SARSA, over every next state and next action."""
    with jax.enable_x64(True):
        alpha, agent, eye = 0.4, table(2, {"q": 2}), jnp.eye(2)
        rule, pi = cls(learning_rate=alpha, gamma=GAMMA, epsilon=EPSILON), eps_greedy(Q)

        def after(s, a, t, next_a):
            obs = jnp.stack([eye[s], eye[t]])[:, None]
            told = experience(
                obs, jnp.stack([a, next_a])[:, None], jnp.stack([jnp.asarray(REWARD)[s, a], 0.0])[:, None],
                next_obs=jnp.stack([eye[t], eye[t]])[:, None], mask=jnp.array([[True], [False]]),
            )  # fmt: skip
            return rule.update(agent, {"q": jnp.asarray(Q)}, told, jax.random.key(0))[0]["q"]

        s, a, t, next_a = (x.ravel() for x in np.indices((2, 2, 2, 2)))
        chance = TRANSITION[s, a, t] * pi[t, next_a]
        found = np.asarray(jax.jit(jax.vmap(after))(*map(jnp.asarray, (s, a, t, next_a))))
        worth = Q.max(-1) if cls is QLearning else (pi * Q).sum(-1)
        target = REWARD + GAMMA * TRANSITION @ worth
        for pair in itertools.product(range(2), range(2)):
            here = (s == pair[0]) & (a == pair[1])
            truth = Q.copy()
            truth[pair] += alpha * (target[pair] - Q[pair])
            np.testing.assert_allclose(np.einsum("i,isa->sa", chance[here], found[here]), truth, atol=1e-12)


@pytest.mark.parametrize("cls", TD)
def test_updates_in_order_against_a_loop(cls):
    """Step by step and lane by lane, as the textbook writes it; what terminated does not bootstrap, what was truncated does."""
    rng, states, actions, steps, lanes = np.random.default_rng(0), 4, 3, 6, 5
    s, s_next = rng.integers(states, size=(2, steps, lanes))
    a, r = rng.integers(actions, size=(steps, lanes)), rng.normal(size=(steps, lanes)).astype(np.float32)
    terminated, truncated, unlived = rng.random((3, steps, lanes)) < 0.25
    eye, q = np.eye(states, dtype=np.float32), rng.normal(size=(states, actions)).astype(np.float32)
    told = experience(eye[s], a, r, next_obs=eye[s_next], terminated=terminated, truncated=truncated, mask=~unlived)
    agent, rule = table(states, {"q": actions}), cls(learning_rate=0.5, gamma=GAMMA, epsilon=EPSILON)
    drawn = rule.next_actions(agent, {"q": jnp.asarray(q)}, told, jax.random.key(1))
    found = rule.update(agent, {"q": jnp.asarray(q)}, told, jax.random.key(1))[0]["q"]
    for t, n in itertools.product(range(steps), range(lanes)):
        after = q[s_next[t, n]]
        cut = terminated[t, n] or truncated[t, n] or t == steps - 1
        next_a = drawn[t, n] if cut else a[t + 1, n]
        worth = {
            QLearning: after.max(),
            SARSA: after[next_a],
            ExpectedSARSA: (eps_greedy(after[None])[0] * after).sum(),
        }[cls]
        target = r[t, n] + GAMMA * (0.0 if terminated[t, n] else worth)
        if not unlived[t, n]:
            q[s[t, n], a[t, n]] += 0.5 * (target - q[s[t, n], a[t, n]])
    np.testing.assert_allclose(found, q, atol=1e-6)


def test_a_next_action_that_was_never_taken_is_drawn_from_the_policy():
    n, rule, agent = 100_000, SARSA(epsilon=EPSILON), table(1, {"q": 3})
    action = np.repeat([[0], [2]], n, axis=1)  # the second one is of another episode
    told = experience(np.ones((2, n, 1)), action, np.zeros((2, n)), truncated=np.ones((2, n), bool))
    drawn = rule.next_actions(agent, {"q": jnp.array([[0.0, 2.0, 1.0]])}, told, jax.random.key(0))
    for found, p in zip(np.bincount(drawn[0], minlength=3) / n, [0.1, 0.8, 0.1], strict=True):
        assert abs(found - p) < 4.5 * np.sqrt(p * (1 - p) / n)


def swept(cls, told, start, sweeps, alpha=0.1):
    """Batch TD: the mean of the changes that the single transitions make, `sweeps` times, from V float32[S]."""
    rule, agent = cls(learning_rate=alpha, gamma=1.0), table(len(start), {"q": 1})
    lanes = [(t, n) for t, n in np.ndindex(told.reward.shape) if told.mask[t, n]]
    single = jax.tree.map(lambda x: jnp.stack([x[t, n][None, None] for t, n in lanes]), told)

    def sweep(_, v):
        return jax.vmap(lambda one: rule.update(agent, {"q": v}, one, jax.random.key(0))[0]["q"])(single).mean(0)

    return jax.jit(lambda v: jax.lax.fori_loop(0, sweeps, sweep, v))(jnp.asarray(start, jnp.float32)[:, None])[:, 0]


@pytest.mark.parametrize("cls", TD)
def test_td_on_the_random_walk_and_on_the_predictor(cls):
    """With one action all three are TD(0): V = 1/6 … 5/6 on the walk, batch TD V(A) = 3/4 (Sutton & Barto §6.2, 6.3)."""
    walk, truth = random_walk(), np.arange(1, 6) / 6
    np.testing.assert_allclose(swept(cls, walk, truth, 1), truth, atol=1e-6)
    np.testing.assert_allclose(swept(cls, walk, np.full(5, 0.5), 3000, 0.5), truth, atol=1e-5)
    np.testing.assert_allclose(swept(cls, predictor(), [0.1, 0.2], 2000, 0.5), [0.75, 0.75], atol=1e-5)


def random_walk():
    """Each of the ten moves of the five-state walk once: 1 for leaving on the right."""
    moves = [(s, s + d) for s in range(5) for d in (-1, 1)]
    eye = np.vstack([np.eye(5), np.zeros((2, 5))]).astype(np.float32)
    return experience(
        eye[[s for s, _ in moves]][None],
        np.zeros((1, 10)),
        np.array([[float(t == 5) for _, t in moves]], np.float32),
        next_obs=eye[[t for _, t in moves]][None],
        terminated=[[t in (-1, 5) for _, t in moves]],
    )


CHAIN_P = np.array([[[float(min(s + a, 4) == t) for t in range(4)] for a in range(2)] for s in range(4)])
CHAIN_R = np.array([[float(s + a == 4) for a in range(2)] for s in range(4)])


def test_q_learning_with_full_steps_in_a_deterministic_world_is_value_iteration_and_contracts():
    """α = 1: T q, pair by pair; ‖Tq − Tq'‖∞ ≤ γ ‖q − q'‖∞; repeated, q* (Watkins & Dayan 1992)."""
    _, told = chain_experience(4)
    single = jax.tree.map(lambda x: x.reshape(8, 1, 1, *x.shape[2:]), told)
    rule, agent = QLearning(learning_rate=1.0, gamma=0.9), table(4, {"q": 2})

    @jax.jit
    def backup(q):
        each = jax.vmap(lambda one: rule.update(agent, {"q": q}, one, jax.random.key(0))[0]["q"])(single)
        return each.reshape(4, 2, 4, 2)[jnp.arange(4)[:, None], jnp.arange(2), jnp.arange(4)[:, None], jnp.arange(2)]

    model = jnp.asarray(CHAIN_P, jnp.float32), jnp.asarray(CHAIN_R, jnp.float32)
    rng, q = np.random.default_rng(0), jnp.zeros((4, 2))
    for sweeps in range(1, 6):
        q = backup(q)
        np.testing.assert_allclose(q, value_iteration(*model, 0.9, sweeps), atol=1e-6)
    np.testing.assert_allclose(q[:, 1], 0.9 ** np.array([3, 2, 1, 0]), atol=1e-6)
    for _ in range(20):
        one, other = jnp.asarray(rng.normal(size=(2, 4, 2)), jnp.float32)
        assert jnp.abs(backup(one) - backup(other)).max() <= 0.9 * jnp.abs(one - other).max() + 1e-6


# ---- value iteration ----


def optimal(reward):
    """q* of the two-state world: the best of all deterministic policies, each solved as a linear system."""
    values = []
    for policy in itertools.product(range(2), repeat=2):
        move = TRANSITION[range(2), policy]
        values.append(np.linalg.solve(np.eye(2) - GAMMA * move, reward[range(2), policy]))
    return reward + GAMMA * TRANSITION @ np.max(values, 0)


def test_value_iteration_finds_the_best_policy_and_shaping_does_not_move_it():
    """q* by exhaustion; with F = γ Φ(s') − Φ(s) it is q* − Φ (Ng et al. 1999)."""
    with jax.enable_x64(True):
        solve = jax.jit(lambda r: value_iteration(jnp.asarray(TRANSITION), r, GAMMA, 200))
        np.testing.assert_allclose(solve(jnp.asarray(REWARD)), optimal(REWARD), atol=1e-12)
        phi = np.array([1.3, -0.4])
        shaped = REWARD + GAMMA * TRANSITION @ phi - phi[:, None]
        np.testing.assert_allclose(solve(jnp.asarray(shaped)), optimal(REWARD) - phi[:, None], atol=1e-12)


@pytest.mark.parametrize("cls", TD)
def test_shaping_shifts_what_temporal_differences_learn(cls):
    """Told r + γ Φ(s') − Φ(s) and started at q − Φ, the values stay q − Φ for ever; Φ(terminal) = 0 (Wiewiora 2003)."""
    _, told = chain_experience(4)
    q, phi = np.random.default_rng(1).normal(size=(4, 2)).astype(np.float32), np.array([0.5, -1.0, 2.0, 0.3, 0.0])
    at = lambda obs: phi[np.where(np.asarray(obs).any(-1), np.asarray(obs).argmax(-1), 4)]  # noqa: E731
    shaped = told._replace(reward=told.reward + jnp.asarray(0.9 * at(told.next_obs) - at(told.obs), jnp.float32))
    agent, rule = table(4, {"q": 2}), cls(learning_rate=0.7, gamma=0.9)
    run = jax.jit(lambda q, told: rule.update(agent, {"q": q}, told, jax.random.key(0))[0]["q"])
    shift = jnp.asarray(phi[:4, None], jnp.float32)
    np.testing.assert_allclose(run(q - shift, shaped), run(q, told) - shift, atol=2e-6)


def test_value_iteration_by_counting():
    """The plan is that of the counted model, from all updates so far; batch TD's answer on the predictor (certainty
    equivalence).
    """
    agent = table(2, {"q": 1})
    rule = ValueIteration(gamma=1.0, sweeps=8)
    state, _ = update(rule, agent, rule.init(agent, jax.random.key(0)), predictor())
    np.testing.assert_array_equal(state.counts[:, 0], [[0, 1, 0], [0, 0, 8]])
    np.testing.assert_allclose(state.params["q"][:, 0], [0.75, 0.75], atol=1e-6)
    state, _ = update(rule, agent, state, predictor()._replace(reward=jnp.zeros((2, 8))))
    np.testing.assert_array_equal(state.counts[:, 0], [[0, 2, 0], [0, 0, 16]])
    np.testing.assert_allclose(state.params["q"][:, 0], [0.375, 0.375], atol=1e-6)


def test_value_iteration_learns_the_chain_and_counts_a_truncated_step_as_going_on():
    _, told = chain_experience(4)
    agent, rule = table(4, {"q": 2}), ValueIteration(gamma=0.9, sweeps=60)
    start = rule.init(agent, jax.random.key(0))
    truth = value_iteration(jnp.asarray(CHAIN_P, jnp.float32), jnp.asarray(CHAIN_R, jnp.float32), 0.9, 60)
    np.testing.assert_allclose(update(rule, agent, start, told)[0].params["q"], truth, atol=1e-6)
    clock = told._replace(truncated=jnp.ones((1, 8), bool))
    np.testing.assert_array_equal(
        update(rule, agent, start, clock)[0].params["q"], update(rule, agent, start, told)[0].params["q"]
    )
    for_ever = experience(np.ones((1, 1, 1)), [[0]], np.ones((1, 1), np.float32), truncated=[[True]])
    agent = table(1, {"q": 1})
    state, _ = update(ValueIteration(gamma=0.5, sweeps=40), agent, rule.init(agent, jax.random.key(0)), for_ever)
    np.testing.assert_allclose(state.params["q"], 2.0, atol=1e-6)


def test_value_iteration_refuses_an_agent_that_is_no_table():
    agent = make(MLP(hidden=(8,)), jax.ShapeDtypeStruct((3,), jnp.float32), {"q": 2})
    with pytest.raises(InputError, match="hidden=\\(\\), bias=False"):
        ValueIteration().init(agent, jax.random.key(0))


# ---- DQN ----


def test_double_q_targets_by_hand():
    """r + γ q⁻(s', argmax q(s', ·)): one network chooses, the other one values (van Hasselt et al. 2016)."""
    q, target = jnp.array([[1.0, 2.0], [5.0, 4.0], [0.0, 1.0]]), jnp.array([[10.0, 20.0], [30.0, 40.0], [7.0, 8.0]])
    found = double_q(jnp.array([1.0, 2.0, 3.0]), jnp.array([False, False, True]), q, target, 0.5)
    np.testing.assert_allclose(found, [1 + 10.0, 2 + 15.0, 3.0])


def remembering(states, actions):
    return table(states, {"q": actions})._replace(obs=jax.ShapeDtypeStruct((states,), jnp.float32))


def test_dqn_regresses_on_the_double_q_target_and_on_it_alone():
    """The gradient at (s, a) is q − target, by hand; nothing flows through the target. Truncated bootstraps, terminated not."""
    agent, rule = remembering(3, 2), DQN(gamma=0.5)
    params = {"q": jnp.array([[1.0, 2.0], [5.0, 4.0], [0.0, 1.0]])}
    target = {"q": jnp.array([[10.0, 20.0], [30.0, 40.0], [7.0, 8.0]])}
    eye = jnp.eye(3)
    told = jax.tree.map(
        lambda x: x[0],
        experience(
            eye[jnp.array([[0, 1, 2, 2]])], [[1, 0, 1, 0]], jnp.array([[1.0, 2.0, 3.0, 9.0]]),
            next_obs=eye[jnp.array([[1, 0, 0, 0]])], terminated=[[False, False, True, False]],
            truncated=[[True, False, True, False]], mask=[[True, True, True, False]],
        ),
    )  # fmt: skip
    slope = jax.grad(lambda p: rule.loss(agent, p, target, told))(params)["q"]
    # Targets: 1 + .5·30, 2 + .5·20, 3; predictions 2, 5, 1; the fourth step was not lived.
    np.testing.assert_allclose(slope, jnp.array([[0.0, 2 - 16.0], [5 - 12.0, 0.0], [0.0, 1 - 3.0]]) / 3, atol=1e-6)


def test_the_buffer_forgets_the_oldest_and_the_target_is_renewed_by_its_period():
    agent = remembering(1, 1)
    rule = DQN(num_envs=2, unroll_length=2, capacity=13, batch=8, gradient_steps=1, target_period=2, learning_rate=0.1)
    assert rule.rows == 3
    state = rule.init(agent, jax.random.key(0))
    step = jax.jit(rule.update, static_argnums=0)
    targets = []
    for i in range(1, 6):
        told = experience(
            np.ones((2, 2, 1), np.float32),
            np.zeros((2, 2)),
            np.full((2, 2), float(i), np.float32),
            terminated=np.ones((2, 2), bool),
        )
        before = state
        state, _ = step(agent, state, told, jax.random.key(i))
        assert state.params["q"][0, 0] > before.params["q"][0, 0]
        np.testing.assert_array_equal(state.target["q"], (state.params if i % 2 == 0 else before.target)["q"])
        targets.append(float(state.target["q"][0, 0]))
        kept = [r for r in (1, 2, 3, 4, 5) if i - 3 < r <= i] + [0] * (3 - i)
        assert sorted(state.buffer.reward[:, 0, 0].tolist()) == sorted(kept)
        assert int(state.buffer.lived.sum()) == 4 * min(i, 3)
    assert targets[0] == 0.0 and targets[1] == targets[2] < targets[3]


def test_exploration_falls_with_the_updates():
    assert [round(float(annealed(0.1, jnp.int32(n), 10.0)), 6) for n in (0, 5, 10, 99)] == [1.0, 0.55, 0.1, 0.1]
    agent, rule = table(1, {"q": 2}), ParallelQ(minibatches=1)
    told = experience(np.ones((1, 1, 1), np.float32), [[0]], np.ones((1, 1), np.float32), terminated=[[True]])
    state = rule.init(agent, jax.random.key(0))
    assert state.updates == 0 and update(rule, agent, state, told)[0].updates == 1


def test_replay_draws_uniformly_from_all_that_is_kept():
    """From q = 0 the first loss is the mean of r² / 2 over the draw: against its expectation over what is kept."""
    n = 100_000
    agent, rule = (
        remembering(1, 1),
        DQN(num_envs=4, unroll_length=1, capacity=16, batch=n, gradient_steps=1, learning_rate=0.0),
    )
    state, step = rule.init(agent, jax.random.key(0)), jax.jit(rule.update, static_argnums=0)
    rewards = np.arange(12, dtype=np.float32).reshape(3, 1, 4)
    for i, reward in enumerate(rewards):
        told = experience(np.ones((1, 4, 1), np.float32), np.zeros((1, 4)), reward, terminated=np.ones((1, 4), bool))
        state, log = step(agent, state, told, jax.random.key(i))
    half = rewards.ravel() ** 2 / 2
    assert abs(float(log["loss"]) - half.mean()) < 4.5 * half.std() / np.sqrt(n)


def test_dqn_converges_to_value_iteration():
    _, told = chain_experience(4)
    agent = remembering(4, 2)
    rule = DQN(
        num_envs=8,
        unroll_length=1,
        capacity=8,
        batch=64,
        gradient_steps=4,
        target_period=4,
        learning_rate=0.02,
        gamma=0.9,
    )
    truth = value_iteration(jnp.asarray(CHAIN_P, jnp.float32), jnp.asarray(CHAIN_R, jnp.float32), 0.9, 60)
    step = lambda state, key: (rule.update(agent, state, told, key)[0], None)  # noqa: E731
    keys = jax.random.split(jax.random.key(1), 600)
    state, _ = jax.jit(lambda state: jax.lax.scan(step, state, keys))(rule.init(agent, jax.random.key(0)))
    np.testing.assert_allclose(state.params["q"], truth, atol=5e-3)


def test_parallel_q_converges_to_value_iteration():
    """λ = 0 with max Q(s') regresses on TQ; its fixed point on a deterministic chain is Q*, by value iteration."""
    states, gamma = 4, 0.9
    pairs, told = chain_experience(states)
    q_star = np.zeros((states + 1, 2))
    for _ in range(50):
        for s, a in pairs:
            t = min(s + a, states)
            q_star[s, a] = 1.0 if t == states else gamma * q_star[t].max()
    agent = table(states, {"q": 2})
    rule = ParallelQ(learning_rate=0.02, gamma=gamma, q_lambda=0.0, epochs=1, minibatches=1)
    state = rule.init(agent, jax.random.key(0))
    step = jax.jit(lambda state, key: rule.update(agent, state, told, key)[0])
    for key in jax.random.split(jax.random.key(1), 1500):
        state = step(state, key)
    np.testing.assert_allclose(state.params["q"], q_star[:states], atol=2e-3)
