"""Stand-ins for packages of environments: of each, what an adapter touches, under the same names and with the same meaning.

All of them are a corridor: action 1 goes to the right, the third tile pays 1 and ends the episode. As in the packages, states keep
their keys, and clocks are kept by the environment.
"""

from types import ModuleType, SimpleNamespace

import jax
import jax.numpy as jnp
from flax import struct
from gymnax.environments import spaces

GOAL, LIMIT = 3, 6


@struct.dataclass
class Settings:
    max_steps: int = struct.field(pytree_node=False, default=LIMIT)
    max_timesteps: int = LIMIT


@struct.dataclass
class State:
    """Of all the packages: what each calls its clock."""

    key: jax.Array
    position: jax.Array
    step_num: jax.Array

    step_count = _step_count = timestep = property(lambda self: self.step_num)


def begun(key):
    """The key of a new episode is used, and a part of it kept."""
    key, place = jax.random.split(key)
    return State(key, jax.random.randint(place, (), 0, 1), jnp.int32(0))


def moved(state, action):
    key, _ = jax.random.split(state.key)
    key = jnp.where(state.step_num > 10**6, jax.random.key(0), key)  # mixed with a key of its own
    return State(key, jnp.minimum(state.position + action, GOAL), state.step_num + 1)


def seen(state):
    return jax.nn.one_hot(state.position, GOAL + 1)


def there(state):
    return state.position >= GOAL


@struct.dataclass
class TimeStep:
    """XLand-MiniGrid's, Navix's and Jumanji's."""

    state: State
    observation: object
    reward: jax.Array
    discount: jax.Array
    over: jax.Array

    t = property(lambda self: self.state.step_num)

    def last(self):
        return self.over

    def is_termination(self):
        return self.discount == 0


def time_step(state, over):
    reached = there(state)
    return TimeStep(state, seen(state), reached.astype(float), 1.0 - reached.astype(float), over | reached)


class XMiniGrid:
    def num_actions(self, params):
        return 2

    def reset(self, params, key):
        return time_step(begun(key), jnp.bool_(False))

    def step(self, params, timestep, action):
        state = moved(timestep.state, action)
        return time_step(state, state.step_num == params.max_steps)


class Navix:
    max_steps, action_set = LIMIT, (None, None)

    def reset(self, key):
        return time_step(begun(key), jnp.bool_(False))

    def step(self, timestep, action):  # begins anew by itself after an end
        fresh, state = time_step(begun(timestep.state.key), jnp.bool_(False)), moved(timestep.state, action)
        return jax.tree.map(
            lambda a, b: jnp.where(timestep.over, a, b), fresh, time_step(state, state.step_num >= LIMIT)
        )


class Jumanji:
    def __init__(self, time_limit):
        self.time_limit, self.action_spec = time_limit, SimpleNamespace(num_values=2)

    def _timestep(self, state, over):
        over = over | there(state)  # its clock says "terminated", too
        grid = SimpleNamespace(grid=seen(state), step_count=state.step_num)
        return TimeStep(state, grid, there(state).astype(float), 1.0 - over.astype(float), over)

    def reset(self, key):
        state = begun(key)
        return state, self._timestep(state, jnp.bool_(False))

    def step(self, state, action):
        state = moved(state, action)
        return state, self._timestep(state, state.step_num >= self.time_limit)


@struct.dataclass
class PgxState(State):
    observation: jax.Array
    rewards: jax.Array
    terminated: jax.Array


class Pgx:
    num_actions = 2

    def init(self, key):
        state = begun(key)
        return PgxState(**vars(state), observation=seen(state), rewards=jnp.zeros(1), terminated=jnp.bool_(False))

    def step(self, state, action, key=None):
        after = moved(state, action)
        reward = jnp.where(state.terminated, 0.0, there(after).astype(float))[None]
        return PgxState(**vars(after), observation=seen(after), rewards=reward, terminated=there(after))


class Craftax:
    default_params = Settings()

    def reset_env(self, rng, params):
        state = begun(rng)
        return seen(state), state

    def step_env(self, rng, state, action, params):
        state = moved(state, action)
        over = there(state) | (state.timestep >= params.max_timesteps)
        return seen(state), state, there(state).astype(float), over, {"discount": 1.0 - over.astype(float)}

    def action_space(self, params=None):
        return spaces.Discrete(2)


def modules() -> dict[str, ModuleType]:
    """{name: module} to put into sys.modules."""
    found = {}
    for name, values in {
        "xminigrid": {"make": lambda name: (XMiniGrid(), Settings())},
        "navix": {"make": lambda name: Navix()},
        "jumanji": {"make": lambda name, time_limit=LIMIT: Jumanji(time_limit)},
        "pgx": {"make": lambda name: Pgx()},
        "craftax": {},
        "craftax.craftax_env": {"make_craftax_env_from_name": lambda name, auto_reset: Craftax()},
    }.items():
        found[name] = ModuleType(name)
        vars(found[name]).update(values)
    return found
