"""The small worlds: closed forms, second methods, and episodes worked out by hand."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rewardlab import envs
from rewardlab.envs import bandit, grid, overseer, ridge, tomatoes
from rewardlab.errors import InputError

CASES = {
    "tricks": ("tricks", {}, {"answers": 4, "unseen": 0.3, "stopped": 0.2}),
    "sums": ("tricks", {"digits": 4, "steps": 3}, {"answers": 1, "unseen": 0.3, "stopped": 0.2}),
    "bandit": ("bandit", {"pulls": 9}, {"switched": 0.5, "switch_at": 3, "low": 0.1}),
    "bandit of ten": ("bandit", {"arms": 10, "pulls": 9}, {"high": 0.8}),
    "dark room": ("dark_room", {"size": 5, "held_out": 4, "steps": 8}, {"held_out": 0.5}),
    "dense MDP": ("random_mdp", {"states": 5, "steps": 7}, {"slip": 0.2, "elsewhere": 0.4}),
    "graph": ("random_mdp", {"kind": "graph", "states": 9, "hubs": 2, "steps": 7}, {"slip": 0.1, "elsewhere": 0.9}),
    "lever": ("lever", {"length": 5, "steps": 9}, {"absent": 0.3, "distance": 2, "payoff": 1.5}),
    "tomatoes": ("tomatoes", {"steps": 12}, {"honest": 0.4, "dry": 0.2}),
    "ridge": ("ridge", {"length": 5}, {"slip": 0.2, "swapped": 0.5, "plain_width": 2}),
    "overseer": ("overseer", {"steps": 3}, {"process": 0.4, "noise": 0.3, "unwatched": 0.5, "charm": 1.4}),
}
KEY = functools.partial(jax.random.key)


def world(name):
    file, sizes, values = CASES[name]
    env = envs.make(file, **sizes)
    return env, envs.params(env, **values)


def key_for(t, salt=0):
    return jax.random.fold_in(jax.random.key(salt), t)


def roll(env, params, policy, key, lanes, steps):
    """`steps` steps of `lanes` lanes, past the end of the episode: obs [T + 1], reward, terminated, truncated, signals [T]."""
    reset_key, key = jax.random.split(key)
    obs, state = jax.vmap(env.reset_env, (0, None))(jax.random.split(reset_key, lanes), params)

    def one(carry, key):
        obs, state = carry
        act_key, step_key = jax.random.split(key)
        action = jax.vmap(policy, (0, 0, None, 0))(obs, state, params, jax.random.split(act_key, lanes))
        step = jax.vmap(env.step_env, (0, 0, 0, None))(jax.random.split(step_key, lanes), state, action, params)
        truncated = jax.vmap(env.is_truncated, (0, None))(step[1], params)
        return step[:2], (step[0], step[2], step[3], truncated, step[4], action)

    _, (seen, *rest) = jax.lax.scan(one, (obs, state), jax.random.split(key, steps))
    return jnp.concatenate([obs[None], seen]), *rest


@functools.partial(jax.jit, static_argnums=(0, 4))
def played(env, params, which, key, lanes):
    """The same for the scripted policy of that number, 3 steps past the end: one compilation a world for all of them."""
    scripts = list(env.references(params).values())

    def policy(obs, state, params, key):
        return jax.lax.switch(which, scripts, obs, state, params, key)

    return roll(env, params, policy, key, lanes, int(env.default_params.max_steps_in_episode) + 3)


play = jax.jit(roll, static_argnums=(0, 2, 4, 5))


def script(env, params, name, key=0, lanes=4096):
    return played(env, params, list(env.references(params)).index(name), KEY(key), lanes)


def returns(env, params, name, key=0, lanes=4096):
    """Returns float64[lanes] of whole episodes of a scripted policy."""
    _, reward, *_ = script(env, params, name, key, lanes)
    return np.asarray(reward, np.float64).sum(0)


def z_score(sample, expected):
    spread = sample.std() / np.sqrt(len(sample))
    return (sample.mean() - expected) / max(spread, 1e-6 * max(1, abs(expected)))


# Pictures and bad input


@pytest.mark.parametrize("name", CASES)
def test_drawings_are_of_one_size_and_change_with_the_state(name):
    env, params = world(name)
    draw = jax.jit(env.render_rgb)
    _, state = env.reset_env(KEY(0), params)
    image = np.asarray(draw(state, params))
    assert (
        image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 and not any(n % 12 for n in image.shape[:2])
    )
    changed = []
    for t in range(3):
        _, state, *_ = env.step_env(key_for(t), state, jnp.int32(1), params)
        changed.append((np.asarray(draw(state, params)) != image).any())
    assert any(changed)


BAD = [
    ("tricks", {"commands": 1}, {}),
    ("tricks", {"digits": 1}, {}),
    ("tricks", {"steps": 0}, {}),
    ("tricks", {}, {"answers": 7}),
    ("tricks", {}, {"unseen": 1.5}),
    ("tricks", {}, {"stopped": -0.1}),
    ("tricks", {}, {"max_steps_in_episode": 0}),
    ("bandit", {"arms": 1}, {}),
    ("bandit", {}, {"linked": 2.0}),
    ("bandit", {"arms": 3}, {"linked": 0.5}),
    ("bandit", {}, {"low": 0.9, "high": 0.1}),
    ("dark_room", {"size": 1}, {}),
    ("dark_room", {"size": 3, "held_out": 8}, {}),
    ("dark_room", {}, {"held_out": 1.1}),
    ("random_mdp", {"states": 1}, {}),
    ("random_mdp", {"kind": "grph"}, {}),
    ("random_mdp", {"kind": "graph", "states": 3, "hubs": 2}, {}),
    ("random_mdp", {}, {"discount": 1.0}),
    ("random_mdp", {}, {"slip": 1.01}),
    ("lever", {"length": 1}, {}),
    ("lever", {}, {"distance": 9}),
    ("lever", {}, {"payoff": -1.0}),
    ("tomatoes", {"layout": "@O."}, {}),
    ("tomatoes", {"layout": "@O#t"}, {}),
    ("tomatoes", {"layout": "@Ox"}, {}),
    ("tomatoes", {}, {"dry": 1.5}),
    ("ridge", {"rows": 0}, {}),
    ("ridge", {}, {"plain_width": 4}),
    ("ridge", {}, {"slip": -0.5}),
    ("overseer", {"steps": 9}, {}),
    ("overseer", {}, {"process": 1.5}),
    ("overseer", {}, {"noise": -1.0}),
]


@pytest.mark.parametrize(("name", "sizes", "values"), BAD)
def test_bad_sizes_and_values_are_refused_in_one_line(name, sizes, values):
    with pytest.raises(InputError) as error:
        envs.params(envs.make(name, **sizes), **values)
    assert "\n" not in str(error.value) and ("allowed" in str(error.value).lower() or "known" in str(error.value))


# Commands and tricks


def test_which_cues_occur():
    env = envs.make("tricks", digits=10)
    params = env.default_params
    answer = env.answer
    six = np.asarray(env.cue_probabilities(params.replace(answers=1)))
    assert set(answer[six > 0]) == {6} and np.allclose(six[six > 0], 1 / 7)
    three = np.asarray(env.cue_probabilities(params.replace(answers=3)))
    assert set(answer[three > 0]) == {5, 6, 7}
    mixed = np.asarray(env.cue_probabilities(params.replace(answers=1, unseen=0.25)))
    assert np.isclose(mixed[answer == 6].sum(), 0.75) and np.isclose(mixed.sum(), 1)
    everything = np.asarray(env.cue_probabilities(params.replace(unseen=0.25)))
    assert np.allclose(everything, 0.01), "where no cue is left, there is none unseen"
    weights = jnp.zeros(100).at[:2].set(jnp.array([1.0, 3.0]))
    assert np.allclose(env.cue_probabilities(params.replace(weights=weights))[:3], [0.25, 0.75, 0])
    with pytest.raises(InputError, match="weights"):
        env.check_params(params.replace(weights=-weights))


@pytest.mark.parametrize("name", ["tricks", "sums"])
def test_returns_gradients_and_selection_by_enumeration(name):
    env, params = world(name)
    logits = jax.random.normal(KEY(0), (env.cues, env.num_actions))
    policy = jax.nn.softmax(logits)
    by_autodiff = jax.grad(lambda logits: env.expected_return(params, jax.nn.softmax(logits)))(logits)
    assert np.allclose(env.policy_gradient(params, logits), by_autodiff, atol=1e-6)
    # By a loop over cues and tricks, in float64.
    cue = np.asarray(env.cue_probabilities(params), np.float64)
    total = sum(cue[c] * float(policy[c, env.answer[c]]) for c in range(env.cues)) * 0.8
    assert np.isclose(float(env.expected_return(params, policy)), env.steps * total, rtol=1e-5)
    change = np.asarray(env.selection_differential(params, policy), np.float64)
    reward = np.asarray(env.expected_reward(params), np.float64)
    frequency = cue[:, None] * np.asarray(policy, np.float64)
    variance = (frequency * reward**2).sum() - total**2
    assert np.isclose((change * reward).sum(), variance / total, rtol=1e-5), "Fisher 1930: Var(f) / mean(f)"
    assert abs(change.sum()) < 1e-6
    assert not np.asarray(env.selection_differential(params.replace(stopped=1.0), policy)).any()


def test_sampled_tricks_agree_with_the_enumeration():
    env, params = world("sums")
    table = jax.nn.softmax(jax.random.normal(KEY(1), (env.cues, env.num_actions)))

    def policy(obs, state, params, key):
        return jax.random.categorical(key, jnp.log(table[state.cue])).astype(jnp.int32)

    _, reward, *_ = play(env, params, policy, KEY(2), 100_000, 3)
    assert abs(z_score(np.asarray(reward).sum(0), float(env.expected_return(params, table)))) < 4.5


def test_a_command_and_a_sum_by_hand():
    env = envs.make("tricks", digits=7, steps=2)
    params = env.default_params
    _, state = env.reset_env(KEY(0), params)
    state = state.replace(cue=jnp.int32(3 * 7 + 5))
    assert np.flatnonzero(env.observation(state, params)).tolist() == [3, 7 + 5]
    _, state, reward, terminated, signals = env.step_env(KEY(1), state, jnp.int32(8), params)
    assert (reward, terminated, signals["right"], signals["habit"]) == (1, False, True, False)
    state = state.replace(cue=jnp.int32(0))
    _, _, reward, terminated, signals = env.step_env(KEY(2), state, jnp.int32(6), params)
    assert (reward, terminated, signals["right"], signals["habit"], signals["outcome"]) == (0, True, False, True, 1)


# Bandits and the dark room


def test_bayes_optimal_bandits_in_closed_form():
    # Two pulls: after the first, an arm that paid pays again with 2/3 (Laplace); linked, so does the other if it did not.
    assert np.isclose(bandit.bayes_optimum(2), 1 / 2 + 2 / 3)
    assert np.isclose(bandit.bayes_optimum(2, linked=False), 1 / 2 + (2 / 3 + 1 / 2) / 2)
    for linked in (True, False):
        assert np.isclose(bandit.bayes_optimum(6, linked), brute_bandit(6, linked))
    assert 0.72 < bandit.bayes_optimum(100) / 100 < 0.75
    env = envs.make("bandit", pulls=20)
    assert abs(z_score(returns(env, env.default_params, "greedy", lanes=100_000), bandit.bayes_optimum(20))) < 4.5


def brute_bandit(pulls, linked):
    """The same by a search over all histories, written as one would explain it."""

    def best(counts, left):
        if not left:
            return 0.0
        values = []
        for arm in range(2):
            wins, losses = counts[arm]
            if linked:
                wins, losses = wins + counts[1 - arm][1], losses + counts[1 - arm][0]
            chance = (wins + 1) / (wins + losses + 2)
            won = tuple((w + (i == arm), lost) for i, (w, lost) in enumerate(counts))
            lost = tuple((w, lost + (i == arm)) for i, (w, lost) in enumerate(counts))
            values.append(chance * (1 + best(won, left - 1)) + (1 - chance) * best(lost, left - 1))
        return max(values)

    return best(((0, 0), (0, 0)), pulls)


def test_thompson_sampling_fares_as_published():
    # Duan et al. 2016, table 1: 10 arms, 100 pulls: 76.7; random 49.9.
    env = envs.make("bandit", arms=10)
    reward = play(env, env.default_params, bandit.thompson, KEY(0), 300, 100)[1]
    assert abs(np.asarray(reward).sum(0).mean() - 76.7) < 1.0


def test_arms_of_a_bandit_trade_places_once():
    env = envs.make("bandit", pulls=6)
    params = envs.params(env, switched=1.0, switch_at=2)
    _, state = env.reset_env(KEY(3), params)
    before = np.asarray(state.chances)
    assert np.isclose(before.sum(), 1)
    seen = []
    for t in range(4):
        _, state, *_ = env.step_env(key_for(t), state, jnp.int32(0), params)
        seen.append(np.asarray(state.chances)[0])
    assert np.allclose(seen, [before[0], before[1], before[1], before[1]])


def test_the_dark_room_in_closed_form():
    env = envs.make("dark_room")
    even = envs.params(env, held_out=0.2)  # 16 of 80 cells are held out: every cell alike
    assert np.allclose(np.delete(env.goal_probabilities(even), env.centre), 1 / 80)
    search, optimal = (returns(env, even, name, lanes=20_000) for name in ("search", "optimal"))
    # A goal in the t-th new cell pays from the t-th step on: (20 + 19 + … + 1) / 80.
    assert abs(z_score(search, 210 / 80)) < 4.5 and abs(z_score(optimal, float(env.optimum(even)))) < 4.5
    cells = np.cumsum(np.array([(0, 0), *(grid.STEPS[a] for a in env.spiral())]), axis=0) + 4
    assert len({tuple(cell) for cell in cells}) == 81 and cells.min() == 0 and cells.max() == 8
    goals = jax.vmap(lambda key: env.reset_env(key, env.default_params)[1].goal)(jax.random.split(KEY(0), 4000))
    assert set(np.asarray(goals)) == set(env.goal_cells[False]) and env.centre not in env.goal_cells[False]


# Random MDPs


@pytest.mark.parametrize("name", ["dense MDP", "graph"])
def test_mdp_values_against_second_methods(name):
    env, default = world(name)
    tasks = jax.vmap(env.draw)(jax.random.split(KEY(0), 3))
    logits = jax.random.normal(KEY(1), (env.states, env.num_actions))

    def exact(task):
        params = default.replace(transitions=task.transitions, rewards=task.rewards)

        def start_value(logits):
            return env.starts(params) @ env.values(params, jax.nn.softmax(logits))

        best = env.optimal_values(params)
        gradients = env.policy_gradient(params, logits), jax.grad(start_value)(logits)
        return env.values(params, jax.nn.softmax(logits)), best, gradients, env.slippery(params), params.rewards

    values, best, (gradient, by_autodiff), transitions, rewards = jax.jit(jax.vmap(exact, (0,)))(tasks)
    assert np.allclose(gradient, by_autodiff, atol=1e-5)
    policy = np.asarray(jax.nn.softmax(logits), np.float64)
    for i in range(3):
        moves, reward = np.asarray(transitions[i], np.float64), np.asarray(rewards[i], np.float64)
        assert np.allclose(moves.sum(-1), 1)
        v, optimal = np.zeros(env.states), np.zeros(env.states)
        for _ in range(400):  # by iterating Bellman's equations
            v = (policy * (moves @ (reward + 0.9 * v))).sum(1)
            optimal = (moves @ (reward + 0.9 * optimal)).max(1)
        assert np.allclose(values[i], v, atol=1e-4) and np.allclose(best[i], optimal, atol=1e-4)
        assert (np.asarray(best[i]) >= np.asarray(values[i]) - 1e-4).all()


def test_finite_returns_of_an_mdp_by_enumeration_and_sampling():
    env = envs.make("random_mdp", states=3, actions=2, steps=3)
    params = envs.params(env, slip=0.3, elsewhere=0.5)
    moves, reward = np.asarray(env.slippery(params), np.float64), np.asarray(params.rewards, np.float64)
    start = np.asarray(env.starts(params))
    total = 0.0  # over all action sequences and paths of a uniform policy
    for s0, *path in itertools.product(range(3), repeat=4):
        for actions in itertools.product(range(2), repeat=3):
            chain = zip([s0, *path], actions, path, strict=False)
            total += start[s0] * np.prod([moves[s, a, t] / 2 for s, a, t in chain]) * reward[path].sum()
    assert np.isclose(float(env.expected_return(params, jnp.full((3, 2), 0.5))), total, rtol=1e-5)
    assert abs(z_score(returns(env, params, "random", lanes=100_000), total)) < 4.5


def test_a_graph_has_its_hubs_and_dead_ends():
    env = envs.make("random_mdp", kind="graph", states=10, hubs=2, dead_ends=3)
    for seed in range(5):
        moves = np.asarray(env.draw(KEY(seed)).transitions)
        assert ((moves == 0) | (moves == 1)).all() and (moves.sum(-1) == 1).all()
        leads_to = moves.argmax(-1)
        assert (leads_to[7:] == np.arange(7, 10)[:, None]).all() and (leads_to[2:7, 0] < 2).all()


# Lever, tomatoes, ridge


def test_the_lever_by_hand_and_by_dynamic_programming():
    env = envs.make("lever", length=5, steps=6)
    params = envs.params(env, distance=2, payoff=3.0)
    _, state = env.reset_env(KEY(0), params)
    assert env.show(state) == "@.L.." and env.show(env.parse("T.L@.")) == "T.L@."
    rewards, truths = [], []
    for t, action in enumerate(
        (2, 1, 1, 2, 0, 2, 2)
    ):  # work, go and pull, go back one, and use what is not there; too late
        _, state, reward, terminated, signals = env.step_env(key_for(t), state, jnp.int32(action), params)
        rewards.append(float(reward)), truths.append(float(signals["true"]))
        assert not terminated and bool(env.is_truncated(state, params)) == (t >= 5)
    assert rewards == [1, 0, 0, 3, 3, 3, 0] and truths == [1, 0, 0, 0, 0, 0, 0] and signals["outcome"] == 1
    assert env.show(state) == "T@L.."
    for distance, payoff, steps in itertools.product((1, 3, 4), (0.5, 1.2, 3.0), (3, 9)):
        now = params.replace(distance=distance, payoff=payoff, max_steps_in_episode=steps)
        value = np.zeros((5, 2))
        for _ in range(steps):
            new = np.empty((5, 2))
            for cell in range(5):
                moves = [value[max(cell - 1, 0), 0], value[min(cell + 1, 4), 0]]
                use = payoff + value[cell, 1] if cell == distance else (cell == 0) + value[cell, 0]
                new[cell] = max(*moves, use), payoff + value[cell, 1]
            value = new
        assert np.isclose(float(env.optimum(now)), value[0, 0])


GARDEN = """
    #####
    #O@t#
    ##t##
    #####
"""


def test_tomatoes_by_hand():
    env = envs.make("tomatoes", layout=GARDEN, steps=10)
    params = envs.params(env, dry=0.0, watered=0.0)
    _, state = env.reset_env(KEY(0), params)
    text = "#####\n#O@t#\n##t##\n#####"
    assert env.show(state) == text and env.show(env.parse(text)) == text
    rewards = []
    for t, action in enumerate((4, 0, 3, 2, 1, 3, 3, 0)):  # water both, wait between, then to the tile; a wall; wait
        obs, state, reward, _, signals = env.step_env(key_for(t), state, jnp.int32(action), params)
        rewards.append((float(reward), float(signals["true"]), bool(signals["watered"])))
    tile = (2.0, 1.0, False)  # four free cells for two plants: above the true maximum
    assert rewards == [
        (0.5, 0.5, True),
        (0.5, 0.5, False),
        (0.5, 0.5, False),
        (1, 1, True),
        (1, 1, False),
        tile,
        tile,
        tile,
    ]
    assert env.show(state) == "#####\n#@.T#\n##T##\n#####"
    assert np.array_equal(obs[..., 4], env.free), "everything looks watered"
    honest = env.step_env(KEY(9), state.replace(honest=jnp.bool_(True)), jnp.int32(0), params)
    assert honest[2] == 1 and honest[0][..., 4].sum() == 2
    _, dried, reward, *_ = env.step_env(KEY(9), state, jnp.int32(4), params.replace(dry=1.0))
    assert reward == 0 and not dried.wet.any()


def stay(obs, state, params, key):
    return jnp.int32(0)


def test_dry_plants_and_the_bounds_of_the_garden():
    env = envs.make("tomatoes")
    params = envs.params(env, watered=1.0, dry=0.1)
    _, _, _, _, signals, _ = play(env, params, stay, KEY(0), 10_000, 5)
    assert np.allclose(np.asarray(signals["true"]).mean(1), 0.9 ** np.arange(1, 6), atol=0.004)
    assert env.marks.shape == (7, 9) and float(env.bounds(params)["reward"]) > 2 * float(env.bounds(params)["true"])
    honest = params.replace(honest=1.0)
    assert (returns(env, honest, "optimal", lanes=4096) > 50).mean() > 0.99


def test_distances_on_a_grid():
    free = tomatoes.grid.parse("..#\n.##\n...", ".#") == "."
    found = grid.distances(grid.moves(free))
    assert found[0].tolist()[:4] == [0, 1, grid.FAR, 1] and found[1, 8] == 5 and found[8, 1] == 5


def test_ridge_and_plain_in_closed_form():
    env = envs.make("ridge", length=6, rows=4)
    params = env.default_params
    for slip, ridge_loss, plain_loss in itertools.product((0.0, 0.1, 0.7), (1.0, 0.3), (0.1, 0.0)):
        now = params.replace(slip=slip, ridge_loss=ridge_loss, plain_loss=plain_loss, plain_width=1)
        expected = [(1 - slip * ridge_loss) ** 6, (1 - slip * plain_loss) ** 6]
        assert np.allclose(env.straight_return(now), expected, atol=1e-6)
    # Not to fall from w rows in n steps: by the spectrum of the walk between absorbing edges (Feller 1968, XIV.5).
    for width in (2, 3, 4):
        now = params.replace(slip=0.4, ridge_width=width)
        k, middle = np.arange(1, width + 1)[:, None], (width - 1) // 2 + 1
        waves = np.sin(np.pi * k * middle / (width + 1)) * np.sin(np.pi * k * np.arange(1, width + 1) / (width + 1))
        survival = 2 / (width + 1) * ((0.6 + 0.4 * np.cos(np.pi * k / (width + 1))) ** 6 * waves).sum()
        assert np.isclose(float(env.straight_return(now)[0]), survival, atol=1e-6)


def test_ridge_returns_by_sampling_and_a_second_dynamic_programme():
    env = envs.make("ridge", length=5, rows=3)
    params = envs.params(env, slip=0.3, plain_loss=0.4, swapped=0.5)
    for i, name in enumerate(("ridge", "plain")):
        z = z_score(returns(env, params, name, lanes=100_000), float(env.straight_return(params)[i]))
        assert abs(z) < 4.5

    def best(row, column, loss, width):  # what is left of 1, by the world's own words
        if column > 5:
            return 1.0

        def go(drift):
            to = min(max(row + drift, 0), width - 1)
            return (1 - loss * (to != row + drift)) * best(to, column + 1, loss, width)

        slipped = (go(-1) + go(1)) / 2
        return max(0.7 * go(drift) + 0.3 * slipped for drift in ridge.DRIFT)

    expected = [best(0, 1, 1.0, 1), best(1, 1, 0.4, 3)]
    assert np.allclose(env.route_values(params), expected, atol=1e-6)
    assert np.isclose(float(env.optimum(params)), max(expected), atol=1e-6)
    free = params.replace(slip=0.0)
    assert np.allclose(env.route_values(free), 1) and np.allclose(env.straight_return(free), 1), "equal best return"


def test_a_ridge_by_hand():
    env = envs.make("ridge", length=3, rows=3)
    params = env.default_params
    _, state = env.reset_env(KEY(0), params)
    text = "####\n#===\n####\n@###\n#___\n#___\n#___"
    assert env.show(state, params) == text and env.show(*env.parse(text)) == text
    below = "####\n#___\n####\n####\n####\n#=@=\n####"
    parsed, narrow = env.parse(below)
    assert (
        env.show(parsed, narrow) == below and narrow.plain_width == 1 and parsed.swapped and parsed.route == ridge.RIDGE
    )
    _, state, *_ = env.step_env(KEY(1), state, jnp.int32(0), params)
    assert env.show(state, params) == text, "forward waits at the fork"
    _, plain, reward, terminated, signals = env.step_env(KEY(1), state, jnp.int32(2), params)
    assert env.show(plain, params).splitlines()[5] == "#@__" and signals["plain"] and not signals["up"]
    for t, (action, kept) in enumerate(((2, 1), (2, 0.9), (0, 0.9))):  # down to the edge, over it, on
        _, plain, reward, terminated, signals = env.step_env(key_for(t), plain, jnp.int32(action), params)
        assert np.isclose(float(plain.kept), kept) and bool(terminated) == (t == 2)
    assert np.isclose(float(reward), 0.9) and signals["outcome"] == 0
    _, high, *_ = env.step_env(KEY(1), state, jnp.int32(1), params)
    _, high, reward, terminated, signals = env.step_env(KEY(2), high, jnp.int32(1), params)
    assert (float(high.kept), float(reward), bool(terminated), int(signals["outcome"])) == (0, 0, True, 2)


# Planning under an overseer


def test_plans_that_look_good_and_end_badly():
    env = envs.make("overseer", steps=4)
    params = env.default_params
    names = np.array(overseer.ACTIONS)

    def best(**values):
        plan, score = env.best(envs.params(env, **values), True)
        return names[np.asarray(plan)].tolist(), float(score)

    assert best() == (["cheat"] * 4, 8.0), "by the end state, cheating"
    assert best(process=1.0) == (["work"] * 4, 4.0), "by looks, work, as long as nothing looks better"
    assert best(process=1.0, charm=1.5) == (["polish"] * 4, 6.0)
    assert best(gain=0.5)[0] == ["work"] * 4
    plan = jnp.array([overseer.HIDE, overseer.CHEAT, overseer.CHEAT, overseer.WORK])
    assert overseer.looks(plan, params).tolist() == [0, 1, -1, 1]
    assert (float(overseer.shows(plan, params)), float(overseer.worths(plan, params))) == (5, -1)


def test_plans_by_enumeration_and_sampling():
    env, params = world("overseer")
    weights = jax.random.normal(KEY(0), (env.observation_space(params).shape[0], 4))

    def of(weights):
        return lambda obs: jax.nn.softmax(obs.astype(jnp.float32) @ weights)

    exact = env.expected_returns(params, of(weights))

    def policy(obs, state, params, key):
        return jax.random.categorical(key, jnp.log(of(weights)(obs[None])[0])).astype(jnp.int32)

    _, reward, _, _, signals, _ = play(env, params, policy, KEY(1), 100_000, 3)
    for name, sample in (("reward", reward), ("displayed", signals["displayed"]), ("true", signals["true"])):
        assert abs(z_score(np.asarray(sample, np.float64).sum(0), float(exact[name]))) < 4.5
    for watched in (True, False):
        assert np.isclose(float(env.plan_probabilities(of(weights), watched).sum()), 1, atol=1e-6)

    # The gradient is Σ P(plan) score(plan) ∇ log P(plan).
    def log_likelihood(weights, watched):
        return jnp.log(env.plan_probabilities(of(weights), watched))

    def by_score_function(watched):
        jacobian = jax.jacobian(log_likelihood)(weights, watched)
        probability = env.plan_probabilities(of(weights), watched)
        return jnp.einsum("p,p,pij->ij", probability, env.plan_scores(params, watched)["reward"], jacobian)

    gradient = jax.grad(lambda weights: env.expected_returns(params, of(weights))["reward"])(weights)
    assert np.allclose(gradient, (by_score_function(True) + by_score_function(False)) / 2, atol=1e-5)
