"""Programs are compiled once: in a comparison, and, by the cache on disk, ever; what comes from the cache is the same."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from rewardlab import MLP, rules, training
from rewardlab.backend import devices
from rewardlab.experiment import Condition, Experiment
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.rundir import parts
from rewardlab.rundir.stopping import Stop
from rewardlab.running import batches, chunks, runner
from rewardlab.terminal.progress import Silent

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("compiled_anew")]

SCRIPT = """
import hashlib, json, jax, numpy as np, jax.numpy as jnp
from rewardlab import MLP, envs, rules, training
from rewardlab.backend import devices
from rewardlab.running import batches, runner
from rewardlab.envs import adapter
place, seen = devices.remember_compiled(), []
jax.monitoring.register_event_listener(lambda event, **_: seen.append(event))
env = envs.make("bandit", pulls=5)
rule = runner.strong_rule(rules.make("ppo", num_envs=4, unroll_length=5, minibatches=2, epochs=1))
setting, params = training.setting(env, rule, MLP(hidden=(4,))), adapter.set_params(env.default_params, {})
programs = batches.compile_training(setting, rule, params, 2)
keys = batches.run_keys(0, np.arange(2))
carry = programs.advance(rule, params, keys, programs.begin(rule, params, keys), jnp.int32(200))
bits = b"".join(np.asarray(x).tobytes() for x in jax.tree.leaves(programs.policy(rule, carry)))
hits = seen.count("/jax/compilation_cache/cache_hits")
print(json.dumps({"place": str(place), "hits": hits, "digest": hashlib.sha256(bits).hexdigest()}))
"""


def trained(cache) -> dict:
    flags = {"JAX_PLATFORMS": "cpu", "REWARDLAB_CACHE": str(cache), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    environment = {k: v for k, v in os.environ.items() if k != "JAX_COMPILATION_CACHE_DIR"} | flags
    environment["PYTHONPATH"] = str(Path(__file__).parent.parent)
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_warm_cache_gives_the_bits_of_a_cold_one(tmp_path):
    cold, warm = trained(tmp_path), trained(tmp_path)
    assert cold["place"].startswith(str(tmp_path)) and any(Path(cold["place"]).iterdir())
    assert warm["digest"] == cold["digest"]
    assert warm["hits"] >= cold["hits"] + 3  # begin, advance and policy at least
    assert trained("off") == {"place": "None", "hits": 0, "digest": cold["digest"]}


def test_only_a_scatter_is_wrapped_as_if_it_were_fused():
    """XLA compiles each wrapped operation with a compiler of its own that takes a megabyte; a scatter not otherwise."""
    x, at = jnp.zeros(8), jnp.arange(3)
    scattered = batches.compiled(jax.jit(lambda x, at: x.at[at].add(2.0)), x, at)
    assert scattered(x, at).tolist() == [2, 2, 2, 0, 0, 0, 0, 0] and "%wrapped_scatter" in scattered.as_text()
    most = lambda x: jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (2,), (2,), "VALID").sum()  # noqa: E731
    slope = batches.compiled(jax.jit(jax.grad(most)), x)
    assert slope(jnp.arange(8.0)).tolist() == [0, 1] * 4
    assert "%wrapped_" not in batches.compiled(jax.jit(lambda x: x + x), x).as_text()
    wrapped = jax.jit(lambda x: x + x).lower(x).compile().as_text()
    assert "%wrapped_" in wrapped, "XLA does so no longer: `batches.compile_lowered` need not forbid it"


def test_where_the_cache_is(tmp_path, monkeypatch):
    monkeypatch.setattr(jax.config, "update", lambda *_: None)  # the suite itself goes on without
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    monkeypatch.delenv("REWARDLAB_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    assert devices.remember_compiled() == tmp_path / "rewardlab" / "compiled" / devices.machine()
    monkeypatch.setenv("REWARDLAB_CACHE", str(tmp_path / "here"))
    assert devices.remember_compiled() == tmp_path / "here" / devices.machine()
    monkeypatch.setenv("REWARDLAB_CACHE", "off")
    assert devices.remember_compiled() is None
    (tmp_path / "file").touch()
    monkeypatch.setenv("REWARDLAB_CACHE", str(tmp_path / "file"))
    with pytest.raises(InputError, match="is no directory; allowed: a directory, or off"):
        devices.remember_compiled()
    monkeypatch.setenv("REWARDLAB_CACHE", "/proc/nowhere")  # can't be written to
    assert devices.remember_compiled() is None


def test_one_compilation_per_rule_and_shape(monkeypatch):
    """Two conditions, two evaluations and three batches a condition: training compiles once, and so does evaluation."""
    monkeypatch.setenv("REWARDLAB_CACHE", "off")
    small = {"num_envs": 4, "unroll_length": 8}
    experiment = Experiment(
        name="once", question="?", env="bandit", env_kwargs={"pulls": 8},
        conditions={"linked": Condition(), "low": Condition({"high": 0.5})}, evaluations={"linked": {}, "low": {"high": 0.5}},
        rules={"a2c": rules.make("a2c", **small)}, agent=MLP(hidden=(4,)), total_steps=96, seeds=6, points=2, episodes=4, width=2,
    )  # fmt: skip
    compiled, traced = [], []
    train, test, update = batches.compile_training, batches.compile_evaluation, training.update
    monkeypatch.setattr(batches, "compile_training", lambda *a: compiled.append("train") or train(*a))
    monkeypatch.setattr(batches, "compile_evaluation", lambda *a: compiled.append("test") or test(*a))
    monkeypatch.setattr(training, "update", lambda *a: traced.append(1) or update(*a))
    events = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, _, **told: events.append(event) if event.endswith("backend_compile_duration") else None
    )
    with batches.Workers() as workers:
        job = runner.compile_all(Plan(experiment), ["a2c"], workers)["a2c"]
        places, all_batches = len(workers.devices), list(parts.cells(experiment))
        assert len(all_batches) == 6

        def run(batch):
            return chunks.train_batch(workers.devices[0], Plan(experiment), job, batch, Silent(), Stop())

        run(all_batches[0])  # small conversions compile here
        before, seen = len(events), len(traced)
        for batch in all_batches:
            run(batch)
    assert compiled.count("train") == compiled.count("test") == places
    assert len(traced) == seen  # nothing is traced again
    assert len(events) == before  # and nothing compiled, of whatever size
