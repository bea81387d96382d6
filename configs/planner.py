"""Does a planner do what the prediction that it consults says, or what it is used to?

rewardlab run planner
"""

from rewardlab import Condition, Experiment, rules
from rewardlab.agents.world_model import WorldModel

PLANNER = rules.make("muzero", told=("true",), wild=0.5, num_envs=32, unroll_length=16, rows=32)

experiment = Experiment(
    name="planner",
    question="Does a planner do what the prediction that it consults says, or what it is used to?",
    asks="planner",
    env="lever",
    env_kwargs={"length": 5, "steps": 16},
    conditions={"lever": Condition({"distance": 2})},
    evaluations={"lever": {"distance": 2}},
    rules={
        "muzero-true": rules.make(PLANNER, consults="true"),
        "muzero-shown": rules.make(PLANNER, consults="reward"),
    },
    agent=WorldModel(hidden=64, latent=32),
    total_steps=150_000,
    seeds=10,
    points=4,
    episodes=8,  # the world and the policies are deterministic: one would do
    capable_return=14.0,  # who works all the time has 16, who goes straight to the lever 28
    seed=20,
)
