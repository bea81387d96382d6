"""RewardLab: does an agent that was trained with reward want reward, or was it selected by it? Measured, over many seeds.

import rewardlab
run = rewardlab.run(rewardlab.load("coinrun"), out="runs/coinrun")
run.results      # every seed, an xarray Dataset
"""

import importlib
import importlib.abc
import importlib.machinery
import sys
import types
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
# Where modules are that users' files may import by the names that they had first.
_MOVED = {
    "batches": "running.batches",
    "chunks": "running.chunks",
    "conditions": "experiment.conditions",
    "config": "experiment.config",
    "devices": "backend.devices",
    "errors": "inputs.errors",
    "fields": "inputs.fields",
    "files": "inputs.files",
    "naming": "analysis.naming",
    "optimisers": "rules.optimisers",
    "randomness": "backend.randomness",
    "reading": "analysis.reading",
    "registry": "inputs.registry",
    "runner": "running.runner",
    "stats": "analysis.stats",
    "store": "rundir.store",
    "wording": "analysis.wording",
}
_MODULES = ("agents", "envs", "judges", "loggers", "rules", "tuned")
__all__ = [*_WHERE, *_MODULES]


class _Moved(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds modules by their old names."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        package, _, name = fullname.partition(".")
        return importlib.machinery.ModuleSpec(fullname, self) if package == __name__ and name in _MOVED else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        found = importlib.import_module(f"{__name__}.{_MOVED[spec.name.partition('.')[2]]}")
        spec.loader_state = found.__spec__
        return found

    def exec_module(self, module: types.ModuleType) -> None:
        """It has been run under its own name, and keeps that."""
        module.__spec__ = module.__spec__.loader_state if module.__spec__ else None


sys.meta_path.append(_Moved())


def __getattr__(name: str) -> Any:
    if name in _MODULES or name in _MOVED:
        return importlib.import_module(f"rewardlab.{name}")
    if name not in _WHERE:
        raise AttributeError(f"module 'rewardlab' has no attribute {name!r}; it has {', '.join(sorted(__all__))}")
    return getattr(importlib.import_module(f"rewardlab.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
