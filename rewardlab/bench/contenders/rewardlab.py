"""RewardLab: its own rules and collection, in batches of seeds on all cores, as every run schedules them."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab import MLP, envs, rules, training
from rewardlab.agents import by, memoryless
from rewardlab.backend.randomness import fast
from rewardlab.bench import Case
from rewardlab.collect import collect, start
from rewardlab.envs import adapter
from rewardlab.probes.outcomes import outcomes
from rewardlab.running import batches, compiling
from rewardlab.types import Policy

PACKAGE = "rewardlab"
TESTED, EPISODES = 16, 16  # policies, and episodes of each, that `figure` is the mean return of
WIDTH = 8
SPREAD = 256  # lanes that are worth more than one core


def on_all_cores(compiled, work, parts):
    """`Case.prepare`: compiles for every device, then hands out the parts; work(device's program, root, part) -> any."""

    def prepare():
        with batches.Workers() as workers:
            waiting = {device: workers.on(device, compiled) for device in workers.devices}
            programs = {device: waiting[device].result() for device in workers.devices}

        def run(root):
            def one(device, part):
                return jax.block_until_ready(work(programs[device], root, part))

            with batches.Workers() as workers:
                return [done.result() for done in [workers.on_any(one, part) for part in parts]]

        return run

    return prepare


def train(rule, seeds: int, steps: int, spec: MLP, width: int = WIDTH) -> Case:
    """Trains seeds of a rule in CartPole for so many environment steps each."""
    env = envs.make("CartPole-v1")
    setting, rule = training.setting(env, rule, spec), compiling.strong_rule(rule)
    params = adapter.set_params(env.default_params, {})
    parts = batches.divided(range(seeds), min(width, seeds))
    target = jnp.int32(steps)

    def compiled():
        return batches.compile_training(setting, rule, params, len(parts[0]))

    def work(programs, root, batch):
        keys = batches.run_keys(root, batch)
        carry = programs.begin(rule, params, keys)
        return programs.policy(rule, programs.advance(rule, params, keys, carry, target))

    def figure(policies):
        how, first = training.deployed(setting, rule), policies[: -(-TESTED // width)]

        def score(policy):
            return outcomes(env, params, setting.agent, how._replace(params=policy), jax.random.key(1), EPISODES)

        return float(np.concatenate([jax.jit(jax.vmap(score))(batch).returns for batch in first]).mean())

    prepare = on_all_cores(compiled, work, parts)

    return Case(prepare, seeds * steps, figure)


def stepping(world: str, lanes: int, steps: int) -> Case:
    """A policy that acts at random, through the one collection that all training goes through; lanes spread over cores."""
    env = envs.make(world)
    params = adapter.set_params(env.default_params, {})
    with batches.Workers() as workers:
        parts = range(workers.count if lanes >= SPREAD else 1)
    each = lanes // len(parts)

    def anything(outputs, key):
        drawn = jax.random.uniform(key, outputs["any"].shape[:1])
        return (drawn * env.num_actions).astype(jnp.int32), {}

    agent, policy = memoryless(lambda key: (), lambda params, obs: {"any": obs}), Policy((), by(anything))

    def play(params, key):
        start_key, collect_key = jax.random.split(fast(key))
        lanes = start(env, params, start_key, each)
        lanes, seen = collect(env, params, agent, policy, lanes, collect_key, steps)
        done = seen.terminated | seen.truncated
        return lanes.obs, seen.signals["reward"].sum(), done.sum()

    def compiled():
        return batches.compiled(jax.jit(play), params, jax.random.key(0))

    def work(program, root, part):
        return program(params, jax.random.fold_in(jax.random.key(root), part))

    prepare = on_all_cores(compiled, work, parts)

    played = len(parts) * each * steps
    return Case(prepare, played, lambda out: played / max(sum(int(done) for *_, done in out), 1))


def ppo(seeds: int, updates: int, width: int = WIDTH) -> Case:
    rule = rules.make("ppo", learning_rate=2.5e-4, num_envs=4, unroll_length=128, epochs=4, minibatches=4)
    return train(rule, seeds, updates * 512, MLP(activation="tanh", trunk="separate"), width=width)


def parallel_q(seeds: int, updates: int) -> Case:
    rule = rules.make("parallel_q", learning_rate=2.5e-4, num_envs=4, unroll_length=128, epochs=4, minibatches=4)
    return train(rule, seeds, updates * 512, MLP(layer_norm=True))


def dqn(seeds: int, steps: int) -> Case:
    sizes = {
        "num_envs": 4,
        "unroll_length": 1,
        "capacity": 10_000,
        "batch": 128,
        "gradient_steps": 1,
        "target_period": 50,
    }
    rule = rules.make("dqn", learning_rate=5e-4, **sizes)
    return train(rule, seeds, steps, MLP(activation="tanh"))


def evolve(rule, seeds: int, generations: int) -> Case:
    """So many generations of a selection rule in CartPole, an episode of each candidate in each."""
    env = envs.make("CartPole-v1")
    setting, rule = training.setting(env, rule, MLP(hidden=(32, 32), activation="tanh")), compiling.strong_rule(rule)
    params = adapter.set_params(env.default_params, {})
    parts = batches.divided(range(seeds), min(WIDTH, seeds))

    def one(key):
        begun = training.begin(setting, rule, params, key)
        turn = lambda _, carry: training.update(setting, rule, params, key, carry)  # noqa: E731
        return jax.lax.fori_loop(0, generations, turn, begun).log["fitness"]

    def compiled():
        return batches.compiled(jax.jit(jax.vmap(one)), batches.run_keys(0, parts[0]))

    prepare = on_all_cores(compiled, lambda program, root, batch: program(batches.run_keys(root, batch)), parts)

    nominal = seeds * rule.candidates * generations * adapter.time_limit(env)
    return Case(prepare, nominal, lambda out: float(np.concatenate(out)[:seeds].mean()))


def openai_es(seeds: int, population: int, generations: int) -> Case:
    sizes = {"candidates": population, "num_envs": population, "unroll_length": 500}
    return evolve(rules.make("openai_es", learning_rate=0.05, sigma=0.1, **sizes), seeds, generations)


def truncation(seeds: int, population: int, generations: int) -> Case:
    sizes = {"candidates": population, "num_envs": population, "unroll_length": 500, "parents": population // 2}
    return evolve(rules.make("truncation", mutation=0.1, **sizes), seeds, generations)
