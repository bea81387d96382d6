"""A small experiment, and files of a user with a world and a rule."""

from rewardlab import rules
from rewardlab.experiment import Condition, Experiment


def small(**changes):
    given = dict(
        name="small",
        question="What was learned?",
        env="CartPole-v1",
        conditions={"plain": Condition(), "heavy": Condition({"gravity": 12.0}, seeds=2)},
        control="heavy",
        evaluations={"train": {}, "light-one": {"gravity": 5.0}},
        rules={"ppo": rules.make("ppo"), "control": rules.make("yoked", rule=rules.make("ppo", gamma=0.5))},
        total_steps=1000,
        seeds=3,
        capable_return=475.0,
    )
    return Experiment(**given | changes)


WORLD = """
    '''A world of one step.'''
    import jax.numpy as jnp
    from flax import struct
    from gymnax.environments import environment, spaces

    @struct.dataclass
    class State(environment.EnvState):
        time: int

    @struct.dataclass
    class Params(environment.EnvParams):
        max_steps_in_episode: int = 1
        bonus: float = 0.0

    class OneStep(environment.Environment):
        def __init__(self, size):
            self.size = size

        @property
        def default_params(self):
            return Params()

        @property
        def num_actions(self):
            return 2

        def action_space(self, params=None):
            return spaces.Discrete(2)

        def observation_space(self, params):
            return spaces.Box(0, 1, (self.size,), jnp.float32)

        def reset_env(self, key, params):
            return jnp.zeros(self.size), State(0)

        def step_env(self, key, state, action, params):
            return jnp.zeros(self.size), State(state.time + 1), action + params.bonus, jnp.bool_(False), {}

    def make(size=3):
        return OneStep(size)
"""


RULE = """
    from flax import struct
    from rewardlab.types import Rule

    @struct.dataclass
    class Still(Rule):
        level = 0
        whole = False
        rate: float = struct.field(default=0.5, metadata={"range": (0.0, 1.0)})
        num_envs: int = struct.field(default=4, pytree_node=False)
        unroll_length: int = struct.field(default=2, pytree_node=False)

    rule = Still
"""
