"""A seed's result does not depend on how many others run, in which order, on how many devices, or in which chunks."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow(minutes=5), pytest.mark.usefixtures("compiled_anew")]

SCRIPT = """
import hashlib, itertools, json, sys
import jax, numpy as np
from rewardlab.experiment.plan import Plan
import rewardlab
from rewardlab import batches, chunks, rules, runner
from rewardlab.experiment import Condition, Experiment
from rewardlab.rundir.parts import Batch
from rewardlab.terminal.progress import Silent
from rewardlab.rundir.stopping import Stop

small = {"num_envs": 16, "unroll_length": 64}
experiment = Experiment(
    name="bits", question="?", conditions={"training": Condition()},
    evaluations={"training": {}, "held-out": {"held_out": sys.argv[3] == "coinrun" or 1.0}},
    **({"env_kwargs": {"levels": 64, "held_out": 16}} if sys.argv[3] == "coinrun" else {"env": sys.argv[3]}),
    rules={"ppo": rules.make("ppo", **small), "truncation": rules.make("truncation", candidates=8, parents=2, **small)},
    agent=rewardlab.MLP(hidden=(8,)), steps=3000, points=2, episodes=16, width=4,
)
digests = {}
chunks.CHUNK = float(sys.argv[2])
with batches.Workers() as workers:
    plan = Plan(experiment)
    jobs = runner.compile_all(plan, json.loads(sys.argv[4]), workers)
    for seeds, (name, job) in itertools.product(json.loads(sys.argv[1]), jobs.items()):
        split = [Batch(name, "training", tuple(dict.fromkeys(part.tolist()))) for part in batches.divided(seeds, experiment.width)]
        waiting = [workers.on_any(chunks.train_batch, plan, job, batch, Silent(), Stop()) for batch in split]
        for batch, done in zip(split, waiting):
            done = done.result()
            for i, seed in enumerate(batch.padded(experiment.width).tolist()):
                arrays = [np.asarray(x)[i].tobytes() for x in (*done.arrays.values(), *jax.tree.leaves(done.policies))]
                digest = hashlib.sha256(b"".join(arrays)).hexdigest()
                assert digests.setdefault(f"{name} {seed}", digest) == digest, f"{name} {seed} differs within one run"
print(json.dumps({"devices": jax.device_count(), "digests": digests}))
"""


def digests(
    *runs: list[int], world: str, devices: int, chunk: float = 2.0, rules=("ppo", "truncation")
) -> dict[str, str]:
    """Digest of each seed's counts, evaluations and final parameters, by "rule seed", from a process of its own.

    runs: lists of seeds, run one after the other; a seed that comes twice has to come out the same. chunk: seconds that
    a chunk of training is meant to take; with 0 it is one update long.
    """
    flags = {"XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}", "JAX_PLATFORMS": "cpu"}
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(runs), str(chunk), world, json.dumps(rules)],
        env=os.environ | flags | {"PYTHONPATH": str(root)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["devices"] == devices
    return result["digests"]


TWENTY = list(range(20))


def test_same_seed_same_bits():
    alone = digests(TWENTY, world="dark_room", devices=1)
    assert len(set(alone.values())) == 40
    others = digests(list(range(50)), TWENTY[::-1], world="dark_room", devices=2, chunk=0.0)
    assert {seed: digest for seed, digest in others.items() if seed in alone} == alone


def test_same_bits_on_eight_devices():
    few = TWENTY[:10]  # three batches: more devices than there is work for
    one = functools.partial(digests, world="dark_room", rules=("ppo",))  # each device compiles it
    assert one(few[::-1], devices=8, chunk=0.1) == one(few, devices=1)


def test_same_bits_of_packed_levels():
    few = TWENTY[:6]
    one = functools.partial(digests, world="coinrun", rules=("ppo",))
    assert one(few[::-1], devices=2, chunk=0.1) == one(few, devices=1)


THREADS = """
import hashlib
import jax, numpy as np
import rewardlab
from rewardlab import batches
from rewardlab import agents

agent = agents.make(rewardlab.MLP(hidden=(64,)), jax.ShapeDtypeStruct((254,), np.float32), {"actor": 8, "critic": 1})
obs = np.random.default_rng(0).normal(size=(4, 1024, 254)).astype(np.float32)
params = jax.vmap(agent.init)(jax.random.split(jax.random.key(0), 4))

def loss(params, obs):
    outputs = agent.apply(params, obs)
    return (outputs["actor"] ** 2).mean() + (outputs["critic"] ** 2).mean() + (obs**2).sum()

out = batches.compiled(jax.jit(jax.vmap(jax.value_and_grad(loss))), params, obs)(params, obs)
for path, x in jax.tree_util.tree_leaves_with_path(out):
    print(jax.tree_util.keystr(path), hashlib.sha256(np.asarray(x).tobytes()).hexdigest())
"""


def test_same_bits_with_more_threads():
    # NPROC is what XLA asks for the number of cores.
    two, eight = (
        subprocess.run(
            [sys.executable, "-c", THREADS], env=os.environ | {"NPROC": threads, "JAX_PLATFORMS": "cpu"},
            capture_output=True, text=True, check=True,
        ).stdout.splitlines()
        for threads in ("2", "8")
    )  # fmt: skip
    assert len(two) == 7
    assert two == eight
