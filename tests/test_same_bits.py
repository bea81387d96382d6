"""A seed's result does not depend on how many others run, in which order, or on how many devices."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import hashlib, json, sys
import jax, jax.numpy as jnp, numpy as np
from rewardlab import batches, envs, rules, training
from rewardlab.agents import MLP
from rewardlab.runner import apply

rule_name, seeds = sys.argv[1], json.loads(sys.argv[2])
small = {"lanes": 16, "steps": 64} | ({"candidates": 8, "parents": 2} if rule_name == "truncation" else {})
env, rule = envs.make("coinrun", levels=64, held_out=16), rules.make(rule_name, **small)
s = training.setting(env, rule, MLP(hidden=(8,)))
params, overrides = apply(env.default_params, {}), {"moved": jnp.array([0.0, 1.0], jnp.float32)}
programs = batches.compile_programs(s, rule, params, overrides, width=4, episodes=16)
rule, params, overrides = batches.everywhere((rule, params, overrides))
digests = {}
for batch in batches.split(seeds, 4):
    keys = batches.run_keys(0, batch)
    carry = programs.begin(rule, params, keys)
    for target in (2000, 4000):
        carry = programs.advance(rule, params, keys, carry, batches.everywhere(jnp.int32(target)))
    result = programs.evaluate(rule, params, overrides, carry, batches.everywhere(jax.random.key(1)))
    arrays = [np.asarray(x) for x in jax.tree.leaves((result, carry.steps, jax.vmap(lambda c: rule.policy(s.agent, c))(carry.state)))]
    for i, seed in enumerate(batch.tolist()):
        digest = hashlib.sha256(b"".join(x[i].tobytes() for x in arrays)).hexdigest()
        assert digests.setdefault(seed, digest) == digest, f"seed {seed} differs within one run"
print(json.dumps({"devices": jax.device_count(), "digests": digests}))
"""


def digests(rule: str, seeds: list[int], devices: int) -> dict[str, str]:
    """Digest of each seed's parameters, counts and evaluations, from a process of its own."""
    flags = {"XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}", "JAX_PLATFORMS": "cpu"}
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, rule, json.dumps(seeds)],
        env=os.environ | flags | {"PYTHONPATH": str(root)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["devices"] == devices
    return result["digests"]


@pytest.mark.parametrize("rule", ["ppo", "truncation"])
def test_same_seed_same_bits(rule):
    twenty = list(range(20))
    alone = digests(rule, twenty, devices=1)
    assert len(set(alone.values())) == 20
    fifty = digests(rule, list(range(50)), devices=2)
    assert {seed: fifty[seed] for seed in alone} == alone
    assert digests(rule, twenty[::-1], devices=2) == alone
