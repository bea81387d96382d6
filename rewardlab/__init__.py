"""RewardLab: does an agent that was trained with reward want reward, or was it selected by it? Measured, over many seeds.

import rewardlab
run = rewardlab.run(rewardlab.load("coinrun"), out="runs/coinrun")
run.results      # every seed, an xarray Dataset
"""

import importlib
from typing import Any

# Loaded when first asked for: importing the package stays cheap.
_WHERE = {
    "Condition": "experiment",
    "Experiment": "experiment",
    "InputError": "inputs.errors",
    "MLP": "agents",
    "Phase": "experiment",
    "Rule": "types",
    "audit": "auditing",
    "deploy": "policies",
    "evaluate": "policies",
    "load": "experiment.config",
    "open_run": "rundir.store",
    "rollout": "policies",
    "run": "running.runner",
    "train": "training",
    "tune": "tuning",
}
_MODULES = ("agents", "envs", "judges", "rules", "tuned")
__all__ = [*_WHERE, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"rewardlab.{name}")
    if name not in _WHERE:
        raise AttributeError(f"module 'rewardlab' has no attribute {name!r}; it has {', '.join(sorted(__all__))}")
    return getattr(importlib.import_module(f"rewardlab.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
