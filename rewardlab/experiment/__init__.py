"""Experiments: one question as a frozen dataclass, its conditions, its text form, and changes to it from the command line."""

from rewardlab.experiment.conditions import Budget, Condition, Phase
from rewardlab.experiment.experiment import Experiment

__all__ = ["Budget", "Condition", "Experiment", "Phase"]
