"""What an evaluation does to a lifetime at a bandit in `reward_in_view`, read from its params."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rewardlab.analysis import reading

if TYPE_CHECKING:
    import xarray

ROLES = {
    "steady": "nothing changes",
    "switched": "the paid arm changes",
    "faked": "the reward in view is inverted",
    "stopped": "the reward in view stops",
    "hidden": "no reward is in view",
    "other": "something else changes",
}


def role(params: dict[str, Any]) -> str:
    """What an evaluation with these params does to a lifetime: a name in ROLES."""
    gain, bias, since = (params.get(name, 0) for name in ("gain", "bias", "since"))
    if params.get("decoupled", 0) > 0:
        if params["decoupled"] < 1 or params.get("switched", 0) > 0:
            return "other"
        if (gain, bias) == (-1, 1):
            return "faked"
        return ("stopped" if since > 0 else "hidden") if gain == 0 == bias else "other"
    return "switched" if params.get("switched", 0) > 0 else "steady"


def roles(results: xarray.Dataset) -> dict[str, str]:
    """{evaluation: what it does}."""
    told = reading.config_of(results).get("evaluations", {})
    return {str(name): role(told.get(str(name), {})) for name in results.evaluation.values}
