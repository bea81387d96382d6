"""One new member of each kind, from files of a user's own, in one run: no other file is edited."""

import json

import numpy as np
import pytest

import rewardlab
from rewardlab import cli
from rewardlab.rundir import store

WORLD = '''
"""Two doors, one of which pays; which one is seen."""
import jax, jax.numpy as jnp
from flax import struct
from gymnax.environments import environment, spaces

@struct.dataclass
class EnvState(environment.EnvState):
    door: jax.Array

@struct.dataclass
class EnvParams(environment.EnvParams):
    left: float = 0.5
    max_steps_in_episode: int = 1

class Doors(environment.Environment):
    num_actions = 2
    outcomes = {"paid": "took the door that pays", "other": "took the other door"}
    default_params = property(lambda self: EnvParams())
    def reset_env(self, key, params):
        state = EnvState(time=0, door=jax.random.bernoulli(key, params.left).astype(jnp.int32))
        return self.see(state), state
    def step_env(self, key, state, action, params):
        paid = action == state.door
        state = state.replace(time=state.time + 1)
        return self.see(state), state, paid.astype(jnp.float32), jnp.bool_(True), {"outcome": jnp.where(paid, 0, 1)}
    def see(self, state):
        return jax.nn.one_hot(state.door, 2)
    def observation_space(self, params):
        return spaces.Box(0, 1, (2,), jnp.float32)
    def action_space(self, params=None):
        return spaces.Discrete(2)

def make():
    return Doors()
'''
AGENT = '''
"""What is seen, as it is: the heads are tables."""
from flax import linen as nn

class Seen(nn.Module):
    @nn.compact
    def __call__(self, x):
        return x.reshape(x.shape[0], -1)

spec = Seen
'''
RULE = '''
"""REINFORCE on the sign of the return."""
import jax.numpy as jnp
from flax import struct
from rewardlab.rules.reinforce import Reinforce

@struct.dataclass
class Signs(Reinforce):
    title = "signs"
    def returns(self, experience):
        return jnp.sign(super().returns(experience) - 0.5)

rule = Signs
'''
OPTIMISER = "import optax\n\ndef optimiser(learning_rate):\n    return optax.sgd(10 * learning_rate)\n"
PROBE = '''
"""How large the parameters are."""
import jax, jax.numpy as jnp
from rewardlab.probes import Array, Probe

def measure(subject):
    return {"largest": jnp.stack([jnp.abs(x).max() for x in jax.tree.leaves(subject.policy.params)]).max()}

probe = Probe(when="end", arrays={"largest": Array((), "largest parameter")}, measure=measure)
'''
QUESTION = '''
"""Who takes the door that pays?"""
from rewardlab import stats
from rewardlab.questions import Evidence, Question, Section, Verdict

def evidence(found):
    last = found.results["return"].isel(condition=0, point=-1, evaluation=0)
    return Evidence({rule: {"doors": stats.figure(last.sel(rule=rule).dropna("seed").values)} for rule in found.rules}, {})

def verdict(summary):
    said = {rule: f"{entry['doors']['iqm']:.2f} of the doors" for rule, entry in summary["rules"].items()}
    return Verdict([f"{r}: {t}." for r, t in said.items()], {r: (f"{r}: {t}.", t) for r, t in said.items()})

def sections(results, summary, drawn):
    return [Section("Doors", tables=(), lead=True)]

question = Question(probes=(), evidence=evidence, verdict=verdict, sections=sections)
'''
CONFIG = '''
"""Do signs of returns do?"""
from rewardlab import Condition, Experiment, rules

experiment = Experiment(
    name="members", question="Do signs of returns do?", env="doors.py", agent="table.py", asks="who.py", probes=("largest.py",),
    conditions={"half": Condition()}, evaluations={"doors": {}}, capable_return=0.9,
    rules={
        "signs": rules.make("signs.py", num_envs=16, unroll_length=1, learning_rate=0.03, optimiser="fast.py"),
        "reinforce": rules.make("reinforce", num_envs=16, unroll_length=1, learning_rate=0.03),
    },
    steps=4000, seeds=6, points=2, episodes=32, width=6,
)
'''
FILES = {
    "doors.py": WORLD, "table.py": AGENT, "signs.py": RULE, "fast.py": OPTIMISER, "largest.py": PROBE, "who.py": QUESTION,
    "members.py": CONFIG,
}  # fmt: skip


@pytest.mark.slow(quickly=True)
def test_members_of_every_kind_are_files_of_the_users_own_and_work_together(
    file, tmp_path, monkeypatch, capsys, one_device
):
    for name, text in FILES.items():
        config = file(name, text)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["run", str(config), "--out", "run"]) == 0, capsys.readouterr().err
    run = store.open_run("run")
    named = json.loads((run.path / "config.json").read_text())
    assert [str(named[field]).rsplit("/", 1)[-1] for field in ("env", "asks")] == ["doors.py", "who.py"]
    assert float(run.results["return"].sel(rule="signs").isel(point=-1).mean()) > 0.95
    assert (
        np.isfinite(run.results["largest"]).all() and run.results["largest"].attrs["description"] == "largest parameter"
    )
    assert run.summary["verdict"][0].startswith("signs: ") and run.summary["verdict"][0].endswith("of the doors.")
    assert "Doors" in (run.path / "report.html").read_text()
    again = rewardlab.open_run("run", files=True).policy("signs", 5)
    assert again.params and cli.main(["audit", "--rule", "signs.py", "--agent", "table.py", "--env", "doors.py"]) == 0
