"""Looking ahead: a loop of cells by hand, probes of policies that are known by heart, and the question tried as an instrument."""

from dataclasses import replace

import instrument
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rewardlab import envs, training
from rewardlab.agents import by, layer, memoryless
from rewardlab.analysis import compare
from rewardlab.experiment import config
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.probes import Subject, late_blocks, moves_ahead
from rewardlab.probes.late_blocks import WALLS
from rewardlab.probes.outcomes import played
from rewardlab.questions import lookahead
from rewardlab.report import figures
from rewardlab.terminal.table import summary_table
from rewardlab.types import Policy

SILENT = "no claim about looking ahead"
NEAR, DEEP = 2, 5
BLOCKED, _, NOWHERE = WALLS
UP, DOWN, LEFT, RIGHT = range(4)
NOTHING = (
    f"{lookahead.TURNS[False, True]}; {lookahead.READS[False, False]}",
    f"{lookahead.TURNS[False, False]}; {lookahead.READS[False, False]}",
)


@pytest.fixture(scope="module", name="plan")
def _plan():
    whole = config.load("lookahead")
    rules = {name: whole.rules[name] for name in ("ppo", "parallel_q")}
    return Plan(replace(whole, rules=rules, budgets={}, points=1, width=1))


@pytest.fixture(scope="module", name="one")
def _one(plan):
    """One rule, the main condition and the control: what a hundred draws are of."""
    two = {name: plan.experiment.conditions[name] for name in ("walls_2_away", "walls_anywhere")}
    return Plan(replace(plan.experiment, rules={"ppo": plan.experiment.rules["ppo"]}, conditions=two))


def drawn(plan, random, near=0.9, far=0.7, read=0.9, bare=0.7, now=0.8, control=0.9, reached=0.8, noise=0.05):
    """Results in which agents turn so often before walls, at .05 of levels without one, and later moves are told so often.

    control: before further walls, in the control. noise: standard deviation over seeds.
    """
    axes = plan.layout.axes
    wall, source = (list(axes[name]) for name in ("wall", "source"))

    def fill(rule, condition, cell):
        def told(value, like):
            return np.clip(value + random.normal(0, noise, (len(like), *[1] * (like.ndim - 1))), 0, 1) * np.ones_like(
                like
            )

        cell["return"] = np.full_like(cell["return"], reached)
        main = condition == "walls_2_away"
        turned = cell["turned"]
        for depth in range(DEEP):
            often = near if depth < NEAR else far if main else control
            turned[..., depth, wall.index(BLOCKED)] = told(often, turned[..., depth, 0])
            turned[..., depth, wall.index(NOWHERE)] = told(0.05, turned[..., depth, 0])
        for name, often in (("ahead_told", read), ("ahead_told_untrained", bare)):
            cell[name] = told(often, cell[name])
        mine = cell["ahead_told"]
        mine[..., source.index(moves_ahead.AND_MOVE), :] = told(now, mine[..., 0, :])

    return instrument.run(plan, fill, random)


def said(further, less, bare=True, now=True):
    return f"{lookahead.TURNS[further, less]}; {lookahead.READS[bare, now]}"


@pytest.mark.parametrize(
    ("given", "short"),
    [
        ({}, said(True, True)),
        ({"far": 0.9}, said(True, False)),
        ({"far": 0.05}, said(False, True)),
        ({"read": 0.75}, said(True, True, True, False)),
        ({"bare": 0.9, "now": 0.8}, said(True, True, False, True)),
        ({"read": 0.6}, said(True, True, False, False)),
        ({"near": 0.4, "far": 0.3}, SILENT + ": it does not turn before near walls, either (4"),
        ({"control": 0.05}, SILENT + ": its control does not turn before further walls, either ("),
        ({"reached": 0.1}, SILENT + ": 0 of 30 seeds competent"),
    ],
)
def test_every_answer_is_told_and_a_failed_control_is_not_passed_over(plan, given, short):
    found = compare.summarise(drawn(plan, np.random.default_rng(1), **given))
    assert found["rules"]["ppo"]["short"].startswith(short)
    assert summary_table(found) and found["verdict"]


def test_how_far_it_turns_is_up_to_the_first_wall_that_it_does_not_turn_before(plan):
    of = compare.summarise(drawn(plan, np.random.default_rng(1), far=0.3))["rules"]["ppo"]["ahead"]
    assert of["reach"] == NEAR and of["conditions"]["walls_anywhere"]["reach"] == DEEP


@pytest.mark.slow(quickly=True)
def test_where_further_walls_make_no_difference_none_is_claimed(one, monkeypatch):
    """Near walls are turned from, and the control passes, else nothing would ever be claimed."""
    draw = lambda random: drawn(one, random, far=0.05, read=0.7, bare=0.7, now=0.7)  # noqa: E731
    assert instrument.claims(monkeypatch, draw, SILENT, *NOTHING) <= 5


@pytest.mark.slow(quickly=True)
def test_where_further_walls_are_as_near_ones_they_are_not_said_to_turn_less(one, monkeypatch):
    draw = lambda random: drawn(one, random, far=0.8, near=0.8)  # noqa: E731
    less = tuple(of for (_, less), of in lookahead.TURNS.items() if less)

    def claimed(summary):
        return any(entry["short"].startswith(less) for entry in summary["rules"].values())

    assert instrument.counted(monkeypatch, draw, claimed) <= 5


@pytest.mark.slow(quickly=True)
def test_where_the_control_shows_nothing_no_claim_is_made(one, monkeypatch):
    draw = lambda random: drawn(one, random, control=0.05)  # noqa: E731
    assert instrument.claims(monkeypatch, draw, SILENT) <= 5


def test_a_rule_of_which_no_seed_has_numbers_supports_no_claim(plan):
    data = drawn(plan, np.random.default_rng(1))
    arrays = [*late_blocks.probe.arrays, *moves_ahead.probe.arrays]
    lost = data.assign({name: data[name].where(data.rule != "ppo") for name in arrays})
    lost = lost.assign(finite=(data.steps == data.steps).where(data.rule != "ppo", False).astype(np.float32))
    assert compare.summarise(lost)["rules"]["ppo"]["short"] == SILENT + ": 0 of 30 seeds competent"
    assert figures.available(lost)["lookahead"](lost)


def test_without_a_control_nothing_is_claimed_and_other_worlds_are_refused(plan):
    alone = Plan(replace(plan.experiment, control=None))
    found = compare.summarise(drawn(alone, np.random.default_rng(1)))["rules"]["ppo"]
    assert found["short"] == SILENT + ": no condition is the control"
    for name, what in (
        ("late_blocks", "whose shorter way may be blocked"),
        ("moves_ahead", "whose signals number its levels"),
    ):
        with pytest.raises(InputError, match=f"the probe {name} needs a world .*{what}"):
            assert Plan(replace(config.load("ridge"), probes=(name,))).layout


@pytest.fixture(scope="module", name="loop")
def _loop():
    """16 cells; the mouse starts in the top left corner, 4 moves clockwise from the cheese."""
    env = envs.make("detour", side=5)

    def begun(kind, depth=2, away=4, start=0, ahead=1):
        given = (jnp.int32(x) for x in (start, ahead, depth, away, kind))
        return env.begun(*given, env.default_params)[1]

    return env, begun


def walked(env, state, actions):
    """(the last state, the sum of rewards, the last signals) of so many actions."""
    total, signals = 0.0, {}
    for action in actions:
        _, state, reward, _, signals = env.step_env(jax.random.key(0), state, jnp.int32(action), env.default_params)
        total += float(reward)
    return state, total, signals


def test_a_wall_k_moves_away_costs_who_reacts_2_k_moves(loop):
    env, begun = loop
    policies, params = env.references(env.default_params), env.default_params
    for depth in range(1, env.depths + 1):
        moves = {}
        for name in ("optimal", "reactive"):
            state, n = begun(1, depth, away=7), 0
            while not env.ended(state):
                action = policies[name](None, state, params, jax.random.key(0))
                state, n = env.step_env(jax.random.key(0), state, action, params)[1], n + 1
            moves[name] = n
        assert moves == {"optimal": 9, "reactive": 9 + 2 * depth}


def test_a_loop_by_hand(loop):
    env, begun = loop
    assert env.length == 16 and env.depths == 5
    assert env.place(deepest=2) == "with walls 1 to 2 moves away" and env.place() == "with walls 1 move away"
    assert env.place(deepest=2, blocked=1.0) == ""
    state, total, signals = walked(env, begun(0), [RIGHT] * 4)
    assert total == pytest.approx(1 - 4 * 0.03) and bool(env.ended(state)) and int(signals["outcome"]) == 0
    blocked = begun(1)  # the wall is in the fourth cell: two moves, and one that leads nowhere
    state, total, signals = walked(env, blocked, [RIGHT, RIGHT, RIGHT, LEFT])
    assert int(state.at) == 1 and bool(state.turned) and int(state.way) == 1 and int(signals["fewest"]) == 12
    assert total == pytest.approx(-4 * 0.03)
    harmless = begun(2)  # the same distance down the left side
    assert int(harmless.wall) == 13 and int(walked(env, harmless, [DOWN] * 3)[0].at) == 14
    seen = np.asarray(env.observation(state, env.default_params))
    assert seen[0, 3, 0] and seen[0, 1, 1] and seen[0, 4, 2] and seen[0, 2, 3] and seen[1:4, 1:4, 0].all()
    assert seen[..., 0].sum() == 10 and (seen[..., 1:].sum((0, 1)) == 1).all()


def test_what_is_drawn_is_as_params_say(loop):
    env, _ = loop
    params = envs.params(env, blocked=0.5, harmless=0.5, nearest=2, deepest=4)
    state = jax.vmap(lambda key: env.reset_env(key, params)[1])(jax.random.split(jax.random.key(0), 4000))
    away = (state.ahead * (state.cheese - state.start)) % env.length
    assert {*np.asarray(state.depth).tolist()} == {2, 3, 4} and (away >= state.depth + 2).all() and away.max() == 7
    np.testing.assert_allclose(np.bincount(state.kind) / 4000, [0.25, 0.5, 0.25], atol=0.03)
    np.testing.assert_allclose(np.bincount(state.start) / 4000, 1 / 16, atol=0.02)
    walls = (jnp.where(state.kind == 1, 1, -1) * state.ahead * (state.wall - state.start)) % env.length
    assert (jnp.where(state.kind == 0, state.wall == -1, walls == state.depth + 1)).all()


@pytest.mark.parametrize("changed", [{"deepest": 6}, {"nearest": 3, "deepest": 2}, {"nearest": 0}])
def test_walls_that_no_level_has_are_refused(loop, changed):
    with pytest.raises(InputError):
        envs.params(loop[0], **changed)


SIDE, PLANS = 5, 6


def planner(looks):
    """An agent that goes the shortest way, open or not, and has its next six moves in its layer "plan", or only the first one.

    looks: whether it sees walls. The tail says which way it came; the loop's cells are told by where the mouse is.
    """
    env = envs.make("detour", side=SIDE)
    loop, on = jnp.asarray(env.loop), [jnp.asarray(env._steps(way)) for way in (1, -1)]
    place = jnp.zeros(SIDE**2, jnp.int32).at[loop].set(jnp.arange(len(loop)))

    def apply(params, obs):
        def at(plane):
            marks = obs[..., plane].reshape(len(obs), -1)
            return place[jnp.argmax(marks, -1)], marks.any(-1)

        (mouse, _), (cheese, _), (tail, moved) = at(1), at(2), at(3)
        rim = obs[..., 0].reshape(len(obs), -1)[:, loop]
        wall, there = jnp.argmax(rim, -1), rim.any(-1)
        right, n = (cheese - mouse) % env.length, env.length
        way = jnp.where(right < n - right, 1, -1)
        blocked = there & ((way * (wall - mouse)) % n < (way * (cheese - mouse)) % n)
        way = jnp.where(blocked & looks, -way, way)
        way = jnp.where(moved, jnp.where((mouse - tail) % n == 1, 1, -1), way)
        stuck = there & ((mouse + way) % n == wall)
        way = jnp.where(stuck, -way, way)
        cells = [(mouse + way * k) % n for k in range(PLANS)]
        moves = jnp.stack([jnp.where(way > 0, on[0][c], on[1][c]) for c in cells], 1)
        plan = layer("plan", jax.nn.one_hot(moves if looks else moves[:, :1], 4).reshape(len(obs), -1))
        return {"logits": plan[:, :4]}

    return memoryless(lambda key: jnp.zeros(()), apply, jax.ShapeDtypeStruct((SIDE, SIDE, 4), jnp.bool_))


def subject(looks):
    env = envs.make("detour", side=SIDE)
    params, agent = envs.params(env, deepest=DEEP), planner(looks)
    policy = Policy(jnp.zeros(()), by(lambda out, key: (jnp.argmax(out["logits"], -1).astype(jnp.int32), {})))
    seen = played(env, params, agent, policy, jax.random.key(3), 512)
    axes = {
        "depth": tuple(map(str, range(1, DEEP + 1))),
        "wall": WALLS,
        "source": (moves_ahead.OBSERVATION, moves_ahead.AND_MOVE, "plan"),
        "ahead": tuple(map(str, range(moves_ahead.AHEAD))),
    }
    return Subject(training.Setting(env, agent), policy, params, axes, jax.random.key(4), seen=seen)


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize("looks", [True, False])
def test_who_plans_and_who_reacts_are_told_apart(looks):
    one = subject(looks)
    before = {name: np.asarray(x) for name, x in late_blocks.probe.measure(one).items()}
    assert (before["turned"][:, WALLS.index(BLOCKED)] == looks).all() and (before["turned"][:, 1:] == 0).all()
    assert (before["walked"] == (not looks)).all() and (before["arrived"] == 1).all()
    told = np.asarray(moves_ahead.probe.measure(one)["ahead_told"])
    bare = np.asarray(moves_ahead.probe.measure(one)["ahead_told_untrained"])
    assert told[1, 0] == told[2, 0] == 1  # the first move is among what is read
    assert (told[2] == 1).all() if looks else (told[2, 1:] < told[1, 1:]).all()
    assert np.isnan(bare[:2]).all() and np.allclose(bare[2], told[2])  # it learns nothing


def test_levels_are_halved_by_nothing_that_is_seen():
    level = jnp.arange(16 * 16 * 17)
    half = np.asarray(moves_ahead.half(level)).reshape(16, 16, 17)
    for axes in ((1, 2), (0, 2), (0, 1)):
        np.testing.assert_allclose(half.mean(axes), 0.5, atol=0.1)
    for axis in (0, 1, 2):  # nor by two of these together
        assert ((half.mean(axis) > 0) & (half.mean(axis) < 1)).all()


def test_the_figure_has_conditions_untrained_networks_and_what_the_first_move_tells(plan):
    data = drawn(plan, np.random.default_rng(4))
    axes = figures.available(data)["lookahead"](data).axes
    gids = {line.get_gid() for axis in axes for line in axis.lines}
    for rule in ("ppo", "parallel_q"):
        assert {f"{rule} walls_2_away turned", f"{rule} walls_anywhere turned", f"{rule} without"} <= gids
        assert {f"{rule} read", f"{rule} now", f"{rule} untrained"} <= gids
