"""What readers of a report may put elsewhere: what worlds say of it, and where agents go, against episodes lived step by step."""

from __future__ import annotations

import base64
import io
import json
import zlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny
from flax import struct
from PIL import Image
from worlds import Params, Walk

from rewardlab import MLP, envs, policies, rules, training
from rewardlab.envs import adapter, platforms
from rewardlab.envs.world import Placements
from rewardlab.experiment import Condition
from rewardlab.inputs.errors import InputError
from rewardlab.inputs.files import read_sealed
from rewardlab.probes import placed
from rewardlab.report import page, placements, reel
from rewardlab.rundir import parts
from rewardlab.running import assembly, runner, staging


@struct.dataclass
class State:
    position: jax.Array
    time: jax.Array
    bowl: jax.Array


class Bowl(Walk):
    """A user's world: a dog on six tiles, which eats where the bowl is, and a picture of it, two pixels a tile."""

    outcomes = ("bowl", "time")

    def reset_env(self, key, params):
        state = State(jnp.int32(0), jnp.int32(0), jnp.int32(3))
        return self.observation(state, params), state

    def step_env(self, key, state, action, params):
        state = state.replace(position=jnp.minimum(state.position + action, 5), time=state.time + 1)
        eats = state.position == state.bowl
        return self.observation(state, params), state, eats * 1.0, eats, {"outcome": jnp.where(eats, 0, 1)}

    def observation(self, state, params):
        return jnp.stack([state.position, state.bowl]).astype(jnp.float32)

    def observation_space(self, params=None):
        from gymnax.environments import spaces

        return spaces.Box(0, 10, (2,), jnp.float32)

    def render_rgb(self, state, params):
        tiles = jnp.full((1, 6, 3), 200, jnp.uint8)
        tiles = tiles.at[0, state.bowl].set(jnp.array([250, 180, 0], jnp.uint8))
        return tiles.at[0, state.position].set(jnp.array([90, 60, 30], jnp.uint8)).repeat(2, 0).repeat(2, 1)

    def placements(self, params):
        return Placements(
            thing="bowl",
            grid=(1, 6),
            agent=lambda state: state.position,
            home=lambda state: state.bowl,
            put=lambda state, cell: state.replace(bowl=cell),
            free=lambda state: np.arange(6) > int(state.position),
        )


WORLDS = {
    "coinrun": lambda: envs.make("coinrun", levels=2, held_out=2),
    "corner": lambda: envs.make("corner", size=5, levels=2, held_out=2),
    "dish": lambda: envs.make("dish", size=7, layout="perfect", levels=2, held_out=2),
    "own": Bowl,
}


OFTEN = ("coinrun", "own")
QUICKLY = [name if name in OFTEN else pytest.param(name, marks=pytest.mark.slow(quickly=True)) for name in WORLDS]


@pytest.fixture(scope="module", params=QUICKLY)
def world(request):
    env = WORLDS[request.param]()
    params = adapter.set_params(env.default_params, {"held_out": True} if request.param != "own" else {})
    return env, params, env.placements(params), placed.levels(env, params, jax.random.key(3), 2)


def test_a_thing_is_where_it_is_put_and_nothing_else_moves(world):
    env, params, told, states = world
    placed.check(env, params)
    assert placed.there(env)
    for state in states:
        cells = placed.cells(told, state)
        assert len(cells) > 1 and int(told.agent(state)) not in cells and int(told.home(state)) in cells
        for cell in cells[[0, -1]]:
            moved = told.put(state, jnp.int32(cell))
            assert told.home(moved) == cell and told.agent(moved) == told.agent(state)
            seen, before = (np.asarray(adapter.observe(env, x, params)) for x in (moved, state))
            if env.name != "CoinRun" and cell != told.home(state):  # there, it may be out of view
                assert (seen != before).any()


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize("name", ["corner", "dish"])
def test_a_shortest_way_leads_to_the_thing_from_everywhere_that_it_can_be(name):
    env = envs.make(name, size=7, layout="perfect", levels=2, held_out=8)
    params = adapter.set_params(env.default_params, {"held_out": True})
    told, cut = env.placements(params), 0

    @jax.jit
    def moves(state):
        def one(cell):
            put = told.put(state, cell)
            return env.moves(put, params) if name == "corner" else env.way(put, params)[1]

        return jax.vmap(one)(jnp.arange(told.grid[0] ** 2))

    for state in placed.levels(env, params, jax.random.key(3), 6):
        far, walls = np.asarray(moves(state)), np.asarray(env.walls(state, params)).reshape(-1)
        near = (far > 0) & (far < 1000) & ~walls  # in corner mazes, the cheese may lie in a wall, too
        assert {*placed.cells(told, state).tolist()} == {*np.flatnonzero(near).tolist()}
        cut += (~near & ~walls).sum() - 1  # the mouse's own cell is none
    assert cut > 0 if name == "dish" else cut == 0  # only dishes stand in the way of anything


def test_coins_can_be_put_where_the_solver_can_fetch_them():
    env = WORLDS["coinrun"]()
    state = placed.levels(env, env.default_params, jax.random.key(3), 1)[0]
    table = np.asarray(env.default_params.levels.table[state.level])[None]
    within = [platforms.distances(table, np.array([cell]))[0, platforms.START] for cell in range(platforms.CELLS)]
    fetched = {cell for cell, moves in enumerate(within) if 0 < moves <= platforms.TIME_LIMIT}
    assert {*placed.cells(env.placements(env.default_params), state).tolist()} == fetched


def trained(env, params, seeds):
    """An agent and parameters of so many seeds, which differ: as they are before training."""
    rule = rules.make("reinforce", num_envs=2, unroll_length=128)
    setting = training.setting(env, rule, MLP(hidden=(4,), head_scale=9.0))
    policy = rule.deploy(setting.agent, rule.init(setting.agent, jax.random.key(0)))
    every = jax.vmap(lambda key: rule.deploy(setting.agent, rule.init(setting.agent, key)).params)
    return setting.agent, policy.act, every(jax.random.split(jax.random.key(5), seeds))


def lived(env, params, told, agent, act, policy, state):
    """[outcome, cell, cell, ...] of an episode, one call of the world a step."""
    step = jax.jit(lambda state, action: adapter.step(env, jax.random.key(0), state, action, params))
    obs, memory, way = adapter.observe(env, state, params), agent.start(policy, 1), [int(told.agent(state))]
    while True:
        action, _, memory = act(agent, policy, memory, obs[None], jax.random.key(1))
        obs, state, terminated, truncated, signals = step(state, action[0])
        way.append(int(told.agent(state)))
        if terminated or truncated:
            return [int(signals["outcome"]), *way]


@pytest.fixture(scope="module")
def went(world):
    """Agent, what acts, parameters of three seeds, the cells, and where the seeds went with the thing on each of them."""
    env, params, told, states = world
    agent, act, policies = trained(env, params, 3)
    cells = placed.cells(told, states[0])
    play = placed.player(env, agent, act, told)
    ways = play(params, policies, states[0], cells, jax.random.key(8))
    return agent, act, policies, cells, jax.tree.map(np.asarray, ways)


@pytest.mark.slow(quickly=True)
def test_ways_are_those_of_episodes_lived_step_by_step(world, went):
    (env, params, told, states), (agent, act, policies, cells, ways) = world, went
    packed = json.loads(zlib.decompress(base64.b64decode(staging.packed({"rule": ways}))))
    assert len({tuple(way) for way in packed["paths"]}) == len(packed["paths"]) > 1
    every = [(seed, at) for seed in range(3) for at in range(len(cells))]
    for seed, at in every if len(every) < 20 else every[:: len(every) // 3]:
        state = told.put(states[0], jnp.int32(cells[at]))
        one = jax.tree.map(lambda x, seed=seed: x[seed], policies)
        way = lived(env, params, told, agent, act, one, state)
        assert packed["paths"][packed["taken"]["rule"][seed][at]] == way


def test_pictures_are_the_worlds_own(world, went):
    (env, params, told, states), (*_, cells, ways) = world, went
    state = states[0]
    pictures = staging.drawn(env, params, told, state, cells, {"rule": ways})
    level, thing, mover = (
        np.asarray(Image.open(io.BytesIO(base64.b64decode(pictures[name]))).convert("RGBA")).astype(int)
        for name in ("level", "thing", "agent")
    )
    height, width = thing.shape[:2]
    for cell in cells[[1, -1]]:  # thing and agent put onto the level are the picture that the world draws
        there = level.copy()
        for where, sprite in ((int(cell), thing), (int(told.agent(state)), mover)):
            row, column = divmod(where, told.grid[1])
            part = there[row * height : (row + 1) * height, column * width : (column + 1) * width]
            part[:] = np.where(sprite[..., 3:] > 0, sprite, part)
        drawn = np.asarray(env.render_rgb(told.put(state, jnp.int32(cell)), params))
        np.testing.assert_array_equal(there[..., :3], drawn)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"free": lambda state: np.ones(5, bool)}, r"free of placements is bool\[5\]; expected: bool\[6\]"),
        ({"put": lambda state, cell: state.replace(bowl=cell * 1.0)}, "put of placements of Bowl"),
        ({"agent": lambda state: state.position[None]}, r"agent of placements of Bowl is int32\[1\]; expected: a cell"),
    ],
)
def test_placements_of_another_form_are_refused(changes, said):
    env = Bowl()
    told, params = env.placements(Params()), adapter.set_params(env.default_params, {})
    env.placements = lambda _: told._replace(**changes)
    with pytest.raises(InputError, match=said):
        placed.check(env, params)
        placed.cells(env.placements(params), placed.levels(env, params, jax.random.key(0), 1)[0])


def test_a_wrapper_does_not_pass_on_what_knows_nothing_of_its_states():
    class Around:
        def __init__(self, env):
            self.env = env

        def __getattr__(self, name):
            return getattr(self.env, name)

    assert placed.there(Bowl()) and not placed.there(Around(Bowl()))


@pytest.mark.slow(quickly=True)
def test_a_finished_run_of_a_users_world_has_them_in_its_page(tmp_path):
    changes = {
        "env": Bowl(),
        "env_kwargs": {},
        "conditions": {"near": Condition()},
        "seeds": 2,
        "capable_return": 0.5,
        "width": 1,
    }
    rule = {"reinforce": rules.make("reinforce", num_envs=8, unroll_length=16)}
    run = runner.run(tiny.experiment(rules=rule, **changes), tmp_path / "run", progress=False)
    file = run.path / "replays" / placements.FILE
    stage, env = read_sealed(file), run.plan.env
    level, params = stage["levels"][0], run.plan.evaluations["test"]
    assert (stage["thing"], stage["rules"], level["cells"], level["home"]) == (
        "bowl",
        {"reinforce": 2},
        [1, 2, 3, 4, 5],
        3,
    )
    assert "Move the bowl yourself" in (run.path / "report.html").read_text()
    ways = json.loads(zlib.decompress(base64.b64decode(level["paths"])))
    told, start = env.placements(params), placed.levels(env, params, jax.random.key(0), 1)[0]
    for seed in range(2):
        policy = run.policy("reinforce", seed)
        for at, cell in enumerate(level["cells"]):
            way = lived(
                env, params, told, policy.agent, policy.policy.act, policy.params, told.put(start, jnp.int32(cell))
            )
            assert ways["paths"][ways["taken"]["reinforce"][seed][at]] == way
    before = file.stat().st_mtime_ns
    assembly.renew(run, print)
    assert file.stat().st_mtime_ns == before  # what is there is not played again
    found = parts.scan(run.path, run.plan, print)
    assert [policies.first(run.path, run.plan, "reinforce", most, found) for most in (1, 2, 9)] == [1, 2, 2]


def test_films_that_would_make_the_page_too_large_are_left_out(monkeypatch):
    """Pictures in which nothing repeats; the first frame of each evaluation is kept all the same."""
    monkeypatch.setattr(reel, "MOST", 10_000)
    random, strip = np.random.default_rng(0), reel.Reel()
    plain = [np.zeros((3, 24, 24, 3), np.uint8)]
    strip.add("ppo", "test", 0, plain)
    strip.add("ppo", "noise", 0, [random.integers(0, 256, (40, 24, 24, 3)).astype(np.uint8)])
    strip.add("ppo", "test", 1, plain)
    told = strip.plain()
    assert told["names"] == ["ppo--test"] and told["most"] == {"seeds": 1, "levels": 1}
    assert {*told["first"]} == {"test", "noise"} and len(json.dumps(told)) < 20_000
    empty = reel.Reel()
    empty.add("ppo", "noise", 0, [random.integers(0, 256, (40, 24, 24, 3)).astype(np.uint8)])
    told = empty.plain()
    assert told["names"] == [] and told["sheet"] == "" and page.films(None, told, None) == {}
