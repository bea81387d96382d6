"""What is inside: scenes of a maze by hand, probes of networks that are known by heart, and the question tried as an instrument."""

from dataclasses import replace

import instrument
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rewardlab import envs, probes, training
from rewardlab.agents import by, layer, memoryless
from rewardlab.analysis import compare
from rewardlab.experiment import config
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.probes import Subject, drives, patched, readouts, steered
from rewardlab.probes.outcomes import played
from rewardlab.report import figures
from rewardlab.rules import make
from rewardlab.terminal.table import summary_table
from rewardlab.types import Policy

SILENT = "no claim about what is inside"
UP, DOWN, LEFT, RIGHT = range(4)
MAP = """
#####
#..o#
#.#.#
#.@.#
#####
"""
GOALS = ("cheese", "corner")


@pytest.fixture(scope="module", name="plan")
def _plan():
    whole = config.load("inside")
    rules = {name: whole.rules[name] for name in ("ppo", "untrained")}
    kwargs = {"size": 3, "levels": 8, "held_out": 4}
    conditions = {name: whole.conditions[name] for name in ("block", "anywhere")}
    return Plan(replace(whole, env_kwargs=kwargs, conditions=conditions, rules=rules, budgets={}, width=1))


def drawn(plan, random, read=(0.7, 0.7), steers=(-0.3, 0.3), control=(0.7, -0.3), reached=0.9, noise=0.05, harm=(0, 0)):
    """Results in which first steps to both goals are read so often (.5 in untrained networks), and vectors change so much.

    control: the same of its first goal. harm: what random vectors change. noise: standard deviation over seeds.
    """
    axes = plan.layout.axes
    steps = [axes["read"].index(readouts.first_step(goal)) for goal in GOALS]

    def fill(rule, condition, cell):
        def told(value, shape):
            return value + random.normal(0, noise, shape)

        cell["return"] = np.full_like(cell["return"], reached)
        shape = cell["readout"].shape
        cell["readout"] = told(0.5, shape)
        cell["unsteered"] = np.full_like(cell["unsteered"], 0.5)
        for name in ("steered", "jostled"):
            cell[name] = told(0.5, cell[name].shape)
        if rule == "untrained":
            return
        own = condition == "block"
        for i in (0, 1):
            cell["jostled"][..., i, :, i] += harm[i] if own else 0.0
            cell["readout"][..., steps[i]] += (read[i] if own else control[0]) - 0.5
            for c in (0, 1):  # whatever it is, the other coefficient does not matter
                effect = (steers[i] if own else control[1]) if (c == 0) == (i == 0) else 0.0
                cell["steered"][..., i, c, :, i] += effect

    return instrument.run(plan, fill, random)


@pytest.mark.parametrize(
    ("given", "short"),
    [
        ({}, "the cheese can be read and steered; the corner can be read and steered"),
        ({"steers": (0, 0.3)}, "the cheese can be read, not steered; the corner can be read and steered"),
        ({"read": (0.5, 0.7)}, "the cheese can be steered, not read; the corner can be read and steered"),
        (
            {"read": (0.3, 0.3), "steers": (0.3, -0.3)},
            "the cheese can neither be read nor steered; the corner can neither be",
        ),
        (
            {"steers": (-0.3, 0.0), "harm": (0, -0.3)},
            "the cheese can be read and steered; the corner can be read, not st",
        ),
        (
            {"steers": (0.0, 0.3), "harm": (0.3, 0)},
            "the cheese can be read, not steered; the corner can be read and steered",
        ),
        ({"control": (0.5, -0.3)}, SILENT + ": in its control the cheese can be steered, not read"),
        ({"control": (0.7, 0.0)}, SILENT + ": in its control the cheese can be read, not steered"),
        ({"control": (0.7, 0.3)}, SILENT + ": in its control the cheese can be read, not steered"),
        ({"reached": 0.1}, SILENT + ": 0 of 16 seeds competent"),
    ],
)
def test_every_answer_is_told_and_a_failed_control_is_not_passed_over(plan, given, short):
    found = compare.summarise(drawn(plan, np.random.default_rng(1), **given))
    assert found["rules"]["ppo"]["short"].startswith(short)
    assert found["rules"]["untrained"]["short"].startswith("a control") and summary_table(found)
    assert all(
        row["smallest"] is not None for rows in found["pairwise"].values() for row in rows if row["p"] is not None
    )


def test_a_network_that_trained_on_another_ones_reward_is_not_untrained(plan):
    """It is a control as well, by name before the untrained one, and has its figures left out."""
    rules = {"another": make("yoked")} | plan.experiment.rules
    data = drawn(Plan(replace(plan.experiment, rules=rules)), np.random.default_rng(1))
    found = compare.summarise(data)
    assert found["opened"]["untrained"] == "untrained" and {row["b"] for row in found["pairwise"]["read"]} == {
        "untrained"
    }
    axes = figures.available(data)["inside"](data).axes
    gids = {str(line.get_gid()) for axis in axes for line in axis.lines}
    assert not any(gid.startswith("another") for gid in gids)


def test_a_rule_of_which_no_seed_has_numbers_supports_no_claim(plan):
    data = drawn(plan, np.random.default_rng(1))
    arrays = {name for probe in ("readouts", "steered", "patched", "drives") for name in probes.load(probe).arrays}
    lost = data.assign({name: data[name].where(data.rule != "ppo") for name in arrays})
    lost = lost.assign(finite=(data.steps == data.steps).where(data.rule != "ppo", False).astype(np.float32))
    assert compare.summarise(lost)["rules"]["ppo"]["short"] == SILENT + ": 0 of 16 seeds competent"
    assert figures.available(lost)["inside"](lost)


def test_without_levels_to_test_read_outs_in_that_is_told_in_one_line(plan):
    data = drawn(plan, np.random.default_rng(1))
    with pytest.raises(InputError, match="'elsewhere' has no states left in which a read-out of first steps could be"):
        compare.summarise(data.assign(readout=data["readout"].where(data.read == "value")))


@pytest.mark.slow(quickly=True)
def test_where_nothing_differs_nothing_is_read_or_steered(plan, monkeypatch):
    """The control passes, else nothing would ever be claimed; in the main condition neither is more than by chance."""
    nothing = "the cheese can neither be read nor steered; the corner can neither be read nor steered"
    draw = lambda random: drawn(plan, random, read=(0.5, 0.5), steers=(0, 0))  # noqa: E731
    assert instrument.claims(monkeypatch, draw, SILENT, nothing) <= 5


@pytest.mark.slow(quickly=True)
def test_where_the_control_shows_nothing_no_claim_is_made(plan, monkeypatch):
    draw = lambda random: drawn(plan, random, control=(0.5, 0.0))  # noqa: E731
    assert instrument.claims(monkeypatch, draw, SILENT) <= 5


def test_without_a_control_or_an_untrained_network_nothing_is_claimed(plan):
    alone = Plan(replace(plan.experiment, control=None))
    found = compare.summarise(drawn(alone, np.random.default_rng(1)))["rules"]["ppo"]
    assert found["short"] == SILENT + ": no condition is the control"
    only = Plan(replace(plan.experiment, rules={"ppo": plan.experiment.rules["ppo"]}))
    found = compare.summarise(drawn(only, np.random.default_rng(1)))["rules"]["ppo"]
    assert found["short"] == SILENT + ": no rule shows what an untrained network has inside"
    for name in ("readouts", "steered", "patched", "drives"):
        with pytest.raises(
            InputError, match=f"the probe {name} needs a world with discrete actions that says in which"
        ):
            assert Plan(replace(config.load("ridge"), probes=(name,))).layout


@pytest.fixture(scope="module", name="maze")
def _maze():
    env = envs.make("corner", size=3, levels=2, held_out=1)
    params = env.parse(MAP)
    return env, params, env.start(0, params)[1]


def test_what_is_true_of_a_state_by_hand(maze):
    env, params, state = maze
    scenes = env.scenes(params)
    amounts = scenes.amounts(state)
    assert scenes.goals == GOALS and {*scenes.distances} < {*amounts}
    assert amounts["steps to the cheese"] == 3 and amounts["steps to the corner"] == 3
    assert amounts["straight line to the cheese"] == pytest.approx(5**0.5)
    assert amounts["straight line from cheese to corner"] == 2 and amounts["reward"] == 0
    assert amounts["value"] == pytest.approx(0.95**2)
    assert np.flatnonzero(scenes.answers(state)["cell of the cheese"]).tolist() == [2]
    assert np.asarray(scenes.toward(state)).tolist() == [[False, False, False, True], [False, False, True, False]]
    obs = env.observation(state, params)
    without, walled = scenes.lacking(obs)
    assert not without[..., 2].any() and (without[..., :2] == obs[..., :2]).all()
    assert walled[1, 1, 0] and (walled ^ obs).sum() == 1


def test_states_are_drawn_from_where_the_mouse_can_get_to_and_cheese_is_moved_there(maze):
    env, params, state = maze
    scenes = env.scenes(params)
    keys = jax.random.split(jax.random.key(1), 200)
    mice = jax.vmap(lambda key: scenes.draw(key).mouse)(keys)
    assert {*mice.tolist()} == {7, 11, 13, 16, 17, 18}  # all free cells but the corner and that of the cheese
    moved = jax.vmap(lambda key: scenes.moved(key, state))(jax.random.split(jax.random.key(2), 200))
    assert {*moved.cheese.tolist()} == {7, 11, 13, 16, 18} and (moved.mouse == state.mouse).all()


def follower():
    """An agent that has the cheese's cell in its layer "where", float32[25], and goes there row by row; else to the corner."""

    def apply(params, obs):
        where = layer("where", obs[..., 2].reshape(len(obs), -1).astype(jnp.float32))
        side = obs.shape[1]
        there, mouse = jnp.argmax(where, -1), jnp.argmax(obs[..., 1].reshape(len(obs), -1), -1)
        to = jnp.where(where.max(-1) > 0.5, there, side + 1)
        down, right = to // side - mouse // side, to % side - mouse % side
        wall = obs[..., 0].reshape(len(obs), -1)
        at = lambda step: jnp.take_along_axis(wall, (mouse + step)[:, None], 1)[:, 0]  # noqa: E731
        wish = jnp.stack([-down, down, -right, right], -1).astype(jnp.float32)
        blocked = jnp.stack([at(-side), at(side), at(-1), at(1)], -1)
        return {"logits": jnp.where(blocked, -9.0, wish)}

    like = jax.ShapeDtypeStruct((5, 5, 3), jnp.bool_)
    return memoryless(lambda key: jnp.zeros(()), apply, like)


@pytest.fixture(scope="module", name="subject")
def _subject():
    """The follower in empty mazes, where row and column are all that there is to a way."""
    env = envs.make("corner", size=3, levels=64, held_out=64)
    pool = env.default_params.pool
    walls = jnp.ones((5, 5, 3), bool).at[1:4, 1:4].set(False).at[..., 1:].set(False)
    params = envs.params(env, elsewhere=1.0, held_out=True, max_steps_in_episode=8)
    params = params.replace(pool=pool._replace(seen=jnp.broadcast_to(walls.reshape(-1), pool.seen.shape)))
    agent = follower()
    policy = Policy(jnp.zeros(()), by(lambda out, key: (jnp.argmax(out["logits"], -1).astype(jnp.int32), {})))
    seen = played(env, params, agent, policy, jax.random.key(3), 32)
    scenes = env.scenes(params)
    reads = [*scenes.amounts(env.start(0, params)[1]), "cell of the cheese", *map(readouts.first_step, GOALS)]
    axes = {"layer": ("where",), "source": ("observation", "where"), "read": tuple(reads)}
    return Subject(training.Setting(env, agent), policy, params, axes, jax.random.key(4), seen=seen)


@pytest.mark.slow(quickly=True)
def test_who_has_the_cheese_in_a_layer_is_steered_by_its_vector(subject):
    found = steered.probe.measure(subject)
    assert found["unsteered"][0] == 1 and found["unsteered"][1] == 0
    assert found["jostled"][0, 0, 0] > 0.9  # a random vector of norm 1 hides nothing
    without = found["steered"][0, 0, 0]
    assert without[0] < 0.5 < without[1]  # the cheese is not there, so it goes to the corner; cheese may lie on the way
    assert found["steered"][0, 1, 0, 0] == 1  # more of it is no other place
    assert found["steered"][1, :, 0].tolist() == [[1, 0], [1, 0]]  # it does not look at the corner's wall here
    assert found["steered"][2, 0, 0, 0] > 0.8  # that of another level has the cheese elsewhere


@pytest.mark.slow(quickly=True)
def test_who_has_the_cheese_in_a_layer_follows_it_where_it_is_put(subject):
    followed = dict(zip(patched.PATCHES, np.asarray(patched.probe.measure(subject)["followed"][0]), strict=True))
    assert followed["the layer"] == 1 and followed["nothing"] == 0
    assert 0 < followed["a channel on average"] < followed["the best channel"] < 1  # each is one cell


@pytest.mark.slow(quickly=True)
def test_what_a_layer_has_is_read_in_it(subject):
    found = np.asarray(readouts.probe.measure(subject)["readout"])
    where, seen = (dict(zip(subject.axes["read"], found[i], strict=True)) for i in (1, 0))
    assert where["cell of the cheese"] == 1 and where["straight line from cheese to corner"] > 0.95
    assert where["steps to the corner"] < 0.1  # where the mouse is, it does not say
    assert seen["straight line to the corner"] > 0.95  # the observation does


def test_vectors_of_equal_norm():
    vector = jnp.arange(24.0).reshape(2, 3, 4)
    drawn = steered.alike(jax.random.key(0), vector)
    np.testing.assert_allclose((drawn**2).sum((1, 2)), (vector**2).sum((1, 2)), rtol=1e-5)
    assert np.abs(np.asarray((drawn * vector).sum((1, 2)))).max() < 0.9 * float((vector**2).sum((1, 2)).max())


def test_what_decides_is_found_by_its_sign_and_what_does_not_is_not():
    """The nearer goal is gone for: steps to one count against it, steps to the other for it, a third distance not at all."""
    random = np.random.default_rng(0)
    x = jnp.asarray(random.normal(size=(2000, 3)), jnp.float32)
    first = x[:, 0] < x[:, 1] + 0.3 * random.normal(size=2000)
    counts, fitted = jnp.arange(2000) % 5 > 0, jnp.arange(2000) % 2 == 0
    found = drives.regressed(x, first, counts, fitted, jax.random.key(0))
    drive, scores = np.asarray(found["drive"]), dict(zip(drives.BY, np.asarray(found["drive_accuracy"]), strict=True))
    assert drive[0] < -1 and drive[1] > 1 and abs(drive[2]) < 0.3
    assert (
        scores[drives.ALL] > 0.85
        and abs(scores[drives.DEALT] - 0.5) < 0.15
        and abs(scores[drives.COMMONEST] - 0.5) < 0.1
    )
    np.testing.assert_allclose(found["drive_inflation"], 1, atol=0.05)
    never = drives.regressed(x, first & False, counts, fitted, jax.random.key(0))
    assert np.isfinite(never["drive"]).all() and never["drive_accuracy"][0] == 1


def test_the_figure_has_layers_goals_control_and_untrained_networks(plan):
    data = drawn(plan, np.random.default_rng(4))
    axes = figures.available(data)["inside"](data).axes
    gids = {line.get_gid() for axis in axes for line in axis.lines}
    for goal in GOALS:
        assert {f"ppo block read {goal}", f"untrained block read {goal}", f"ppo anywhere steered {goal}"} <= gids
