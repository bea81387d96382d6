"""evosax: OpenAI's evolution strategy and a simple genetic algorithm on CartPole, an episode of each member a generation."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from rewardlab.bench import Case, jitted

PACKAGE = "evosax"
LIMIT = 500  # steps of an episode, all of which are computed


def case(seeds: int, population: int, generations: int, strategy) -> Case:
    from evosax.problems.networks import MLP
    from evosax.problems.rl.gymnax import GymnaxProblem

    network = MLP(layer_sizes=(32, 32, 2), activation=jnp.tanh, output_fn=lambda x, key: jnp.argmax(x, -1))
    problem = GymnaxProblem("CartPole-v1", network, episode_length=LIMIT, num_rollouts=1, use_normalize_obs=False)
    algorithm, begin = strategy(problem)
    params = algorithm.default_params

    def evolve(key):
        problem_key, begin_key, scan_key = jax.random.split(key, 3)

        def generation(carry, key):
            state, told = carry
            ask_key, play_key, tell_key = jax.random.split(key, 3)
            litter, state = algorithm.ask(ask_key, state, params)
            fitness, told, _ = problem.eval(play_key, litter, told)
            state, _ = algorithm.tell(tell_key, litter, -fitness, state, params)
            return (state, told), fitness.mean()

        carry = begin(begin_key), problem.init(problem_key)
        return jax.lax.scan(generation, carry, jax.random.split(scan_key, generations))[1]

    def run(key):
        return evolve(key)[None] if seeds == 1 else jax.vmap(evolve)(jax.random.split(key, seeds))

    return Case(jitted(run), seeds * population * generations * LIMIT, lambda out: float(out[:, -1].mean()))


def openai_es(seeds: int, population: int, generations: int) -> Case:
    import optax
    from evosax.algorithms import Open_ES

    def strategy(problem):
        example = problem.sample(jax.random.key(0))
        sigma = optax.constant_schedule(0.1)
        algorithm = Open_ES(population, example, optimizer=optax.adam(0.05), std_schedule=sigma)

        def begin(key):
            sample_key, init_key = jax.random.split(key)
            return algorithm.init(init_key, problem.sample(sample_key), algorithm.default_params)

        return algorithm, begin

    return case(seeds, population, generations, strategy)


def truncation(seeds: int, population: int, generations: int) -> Case:
    import optax
    from evosax.algorithms import SimpleGA

    def strategy(problem):
        algorithm = SimpleGA(population, problem.sample(jax.random.key(0)), std_schedule=optax.constant_schedule(0.1))

        def begin(key):
            sample_key, init_key = jax.random.split(key)
            first = jax.vmap(problem.sample)(jax.random.split(sample_key, population))
            return algorithm.init(init_key, first, jnp.zeros(population), algorithm.default_params)

        return algorithm, begin

    return case(seeds, population, generations, strategy)
