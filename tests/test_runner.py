"""The main job end to end, small: experiment -> run directory -> report, through the library and the command line."""

import json

import numpy as np
import pytest

import rewardlab
from rewardlab import rules, store
from rewardlab.errors import InputError
from rewardlab.experiment import Condition, Experiment

SIZE = {"lanes": 16, "steps": 64}


def small(**changes) -> Experiment:
    fields = {
        "name": "small",
        "question": "Does the machinery work?",
        "env_kwargs": {"levels": 48, "held_out": 16},
        "conditions": {"end": Condition({"moved": 0.0}), "half": Condition({"moved": 0.5}, seeds=2)},
        "control": "half",
        "evaluations": {"held-out": {"held_out": True}, "detour": {"held_out": True, "moved": 1.0, "behind": 0.0}},
        "rules": {
            "ppo": rules.make("ppo", **SIZE),
            "truncation": rules.make("truncation", candidates=8, parents=2, **SIZE),
        },
        "agent": rewardlab.MLP(hidden=(8,)),
        "steps": 4000,
        "seeds": 5,
        "points": 2,
        "episodes": 16,
        "width": 2,
    }
    return Experiment(**(fields | changes))


@pytest.fixture(scope="module", name="finished")
def _finished(tmp_path_factory):
    return rewardlab.run(small(), out=tmp_path_factory.mktemp("runs") / "small", progress=False)


def test_the_run_directory_is_complete(finished):
    names = {str(p.relative_to(finished.path)) for p in finished.path.rglob("*") if p.is_file()}
    assert {"config.json", "environment.json", "results.nc", "summary.json", "report.html"} <= names
    assert {f"replays/{r}--{e}.gif" for r in ("ppo", "truncation") for e in ("held-out", "detour")} <= names
    assert {"figures/learning.png", "figures/outcomes.png", "figures/control.png"} <= names
    assert store.open_run(finished.path).experiment == small()


def test_every_seed_is_in_the_results(finished):
    results = finished.results
    assert dict(results.sizes) == {
        "rule": 2, "condition": 2, "seed": 5, "point": 3, "evaluation": 2, "outcome": 4, "reference": 5,
    }  # fmt: skip
    share = results["outcome_share"]
    np.testing.assert_allclose(share.sel(condition="end").sum("outcome"), 1.0, atol=1e-6)
    assert share.sel(condition="half", seed=[2, 3, 4]).isnull().all()
    np.testing.assert_allclose(share.sel(outcome="coin"), results["return"], atol=1e-6)
    steps = results["steps"].sel(condition="end")
    assert (steps.isel(point=0) == 0).all()
    assert (steps.sel(rule="ppo").isel(point=[1, 2]) == [2048, 4096]).all()  # whole updates of 16 × 64
    assert (steps.isel(point=2) >= 4000).all() and (steps.isel(point=2) < 4000 + 16 * 64).all()
    assert list(results["level"].values) == [4, 2]
    references = results["reference_share"].sel(evaluation="held-out", outcome="coin")
    assert float(references.sel(reference="optimal")) == 1.0
    assert float(references.sel(reference="random")) < 0.3


def test_a_finished_run_is_not_repeated_and_another_is_refused(finished):
    before = (finished.path / "results.nc").stat().st_mtime_ns
    again = rewardlab.run(small(), out=finished.path, progress=False)
    assert again.finished and (again.path / "results.nc").stat().st_mtime_ns == before
    with pytest.raises(InputError, match="holds another run .other steps"):
        rewardlab.run(small(steps=5000), out=finished.path, progress=False)


def test_other_seeds_and_rules_change_nothing(finished, tmp_path):
    """Three of the five seeds and one of the two rules give the same numbers, to the bit."""
    less = small(seeds=3, rules={"truncation": small().rules["truncation"]})
    part = rewardlab.run(less, out=tmp_path / "part", progress=False).results
    whole = finished.results.sel(rule=["truncation"]).isel(seed=slice(3))
    for name in ("outcome_share", "return", "length", "steps"):
        np.testing.assert_array_equal(part[name].values, whole[name].values)


def test_a_world_and_a_rule_of_the_users_own(tmp_path):
    """Both in files outside of the package, passed by path; the world has no drawing, no outcomes, no references."""
    (tmp_path / "corridor.py").write_text(WORLD)
    (tmp_path / "hill.py").write_text(RULE)
    experiment = Experiment(
        name="own",
        question="Does mine work?",
        env=tmp_path / "corridor.py",
        conditions={"plain": Condition()},
        evaluations={"plain": {}, "longer": {"goal": 4}},
        rules={"hill": tmp_path / "hill.py", "ppo": rules.make("ppo", lanes=8, steps=16)},
        agent=rewardlab.MLP(hidden=(8,)),
        steps=3000, seeds=2, points=1, episodes=8, width=1,
    )  # fmt: skip
    run = rewardlab.run(experiment, out=tmp_path / "out", progress=False)
    assert float(run.results["return"].sel(rule="hill", evaluation="plain").isel(point=1).mean()) > 0.5
    assert (run.path / "report.html").stat().st_size > 10_000
    assert json.loads((run.path / "config.json").read_text())["env"].endswith("corridor.py")


WORLD = '''"""A corridor."""
import jax.numpy as jnp
from flax import struct
from gymnax.environments import environment, spaces


@struct.dataclass
class State(environment.EnvState):
    x: int
    time: int


@struct.dataclass
class CorridorParams(environment.EnvParams):
    goal: int = 3
    max_steps_in_episode: int = 8


class Corridor(environment.Environment):
    num_actions = 2

    @property
    def default_params(self):
        return CorridorParams()

    def reset_env(self, key, params):
        return jnp.zeros(1), State(x=0, time=0)

    def step_env(self, key, state, action, params):
        state = State(x=jnp.maximum(state.x + 2 * action - 1, 0), time=state.time + 1)
        there = state.x >= params.goal
        return jnp.array([state.x], float), state, there.astype(float), there, {}

    def action_space(self, params=None):
        return spaces.Discrete(2)

    def observation_space(self, params=None):
        return spaces.Box(0, 9, (1,), jnp.float32)


def make():
    return Corridor()
'''

RULE = '''"""Hill climbing."""
import jax
import jax.numpy as jnp
from flax import struct

from rewardlab.agents import greedy
from rewardlab.rules.population import newborns, unflatten
from rewardlab.rules.returns import fitness
from rewardlab.types import Acting, Rule


@struct.dataclass
class Hill(Rule):
    """Keeps the better of itself and one mutant."""

    level = 2
    whole = True

    step: float = 0.5
    candidates: int = struct.field(default=2, pytree_node=False)
    lanes: int = struct.field(default=8, pytree_node=False)
    steps: int = struct.field(default=8, pytree_node=False)

    def heads(self, num_actions):
        return {"logits": num_actions}

    def init(self, agent, key):
        return newborns(agent, key, 2)

    def behave(self, agent, state, key):
        return Acting(unflatten(agent, state), greedy("logits"))

    def update(self, agent, state, experience, key):
        score = fitness(experience, 2)
        best = state[jnp.argmax(score)]
        return jnp.stack([best, best + self.step * jax.random.normal(key, best.shape)]), {"fitness": score.max()}

    def policy(self, agent, state):
        return unflatten(agent, state[0])


rule = Hill
'''
