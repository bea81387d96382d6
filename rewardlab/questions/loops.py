"""What `two_loops` reads of a config: what the outer loop scores, what fakes show, and how many loops learn."""

from __future__ import annotations

from typing import Any

from rewardlab.experiment.text import network
from rewardlab.inputs.errors import InputError

SCORED = {
    "true": "scored by what was truly earned",
    "shown": "scored by what was shown",
    "no fakes": "no fakes in training",
}


def scored(experiment: dict[str, Any]) -> dict[str, str]:
    """{condition: what the outer loop scores there}, a name in SCORED; other conditions are left out."""
    found = {}
    for name, condition in experiment.get("conditions", {}).items():
        phases = condition.get("phases") or [{"reward": {"reward": 1.0}, "params": {}}]
        paid = {signal for signal, weight in phases[-1]["reward"].items() if weight}
        if not (condition.get("params", {}) | phases[-1]["params"]).get("faked", 0):
            found[name] = "no fakes"
        elif paid in ({"true"}, {"reward"}, {"displayed"}):
            found[name] = "true" if paid == {"true"} else "shown"
    return found


def fakes(experiment: dict[str, Any]) -> dict[str, float | None]:
    """{evaluation: how often a fake shows reward there, None where there is none}."""
    return {
        name: params.get("faked_shows", 1.0) if params.get("faked", 0) else None
        for name, params in experiment.get("evaluations", {}).items()
    }


def as_trained(experiment: dict[str, Any]) -> float:
    """How often the fakes of training show reward."""
    for name, of in scored(experiment).items():
        if of != "no fakes":
            return experiment["conditions"][name].get("params", {}).get("faked_shows", 1.0)
    return 1.0


def loops(experiment: dict[str, Any], rule: str) -> int | None:
    """How many loops learn under a rule, or None where its network is one that reading can't make."""
    try:
        return network(experiment.get("agents", {}).get(rule, experiment.get("agent", "mlp"))).loops
    except InputError:
        return None
