"""Every rule, agent and world that ships can be written down for a TPU, and one of each kind for a GPU; neither is needed for that.

What compiles, and what it then costs, is the business of `tests/tpu_programs.py`, which takes minutes.
"""

import jax
import pytest
from test_agent_laws import KINDS, fits
from test_training import RULES, TABLES
from test_world_laws import SIZES
from worlds import Squares, Walk, fitting

from rewardlab import agents, envs, rules, training
from rewardlab.agents import MLP
from rewardlab.envs import adapter
from rewardlab.running import batches, compiling

pytestmark = pytest.mark.slow(quickly=True)
PLATFORMS = {"tpu": "tpu", "gpu": "cuda"}
WORLDS = envs.names()


def lowered(world, rule, spec, platform):
    """The text of what trains two seeds, and of what evaluates them."""
    s = training.setting(world, rule, spec, platform=platform)
    params = adapter.set_params(world.default_params, {})
    jobs = batches.training_jobs(s, compiling.strong_rule(rule), params, 2)
    on = (PLATFORMS[platform],)
    return [job.function.trace(*job.arguments).lower(lowering_platforms=on).as_text() for job in jobs if job]


ON_BOTH = ("ppo", "parallel_q", "openai_es", "muzero", "yoked")  # one of each kind


@pytest.mark.parametrize(
    ("name", "platform"), [(name, where) for name in RULES for where in PLATFORMS if where == "tpu" or name in ON_BOTH]
)
def test_every_rule(name, platform):
    rule = RULES[name]
    world, spec = fitting(rule, Squares() if name in TABLES else Walk()), MLP(hidden=(4,))
    if rule.imagines:
        world, spec = KINDS["world_model"]
    texts = lowered(world, rule, MLP(hidden=(), bias=False) if name in TABLES else spec, platform)
    assert all("module @jit_" in text for text in texts)
    # Branches wait for the host there, and threefry is written for CPUs only.
    assert "optimization_barrier" not in texts[1]


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_agent(kind, platform):
    world, spec = KINDS[kind]
    name = next(name for name in ("muzero", "reinforce") if fits(name, kind))
    assert all("module @jit_" in text for text in lowered(world, RULES[name], spec, platform))


@pytest.mark.parametrize("name", WORLDS)
def test_every_world(name):
    world = envs.make(name, **SIZES.get(name, {}))
    rule = rules.make("openai_es", candidates=4, num_envs=4, unroll_length=adapter.time_limit(world))
    assert all("module @jit_" in text for text in lowered(world, rule, MLP(hidden=(4,)), "tpu"))


def test_no_network_is_left_out():
    networks = {type(spec).__module__.rpartition(".")[2] for _, spec in KINDS.values()}
    assert {*agents.names()} - networks <= {
        "mlp",
        "learner",
    }  # the first is every rule's; the second is a rule within an agent


def test_the_platform_is_asked_of_jax_in_one_place():
    """What is checked for a device that is not here has to be what runs there."""
    from pathlib import Path

    import rewardlab

    root = Path(rewardlab.__file__).parent
    asking = {str(file.relative_to(root)) for file in root.rglob("*.py") if "default_backend" in file.read_text()}
    assert asking == {"backend/devices.py", "backend/environment.py"}  # the second writes it into environment.json
    assert jax.default_backend() == "cpu"
