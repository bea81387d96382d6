"""What evaluations ask for, in a world that asks for a return (`return_asked`), read from their params."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rewardlab.analysis import naming, reading
from rewardlab.analysis.wording import listed, plain
from rewardlab.inputs.errors import InputError

if TYPE_CHECKING:
    import xarray

LOW, HIGH = "asked_low", "asked_high"
WORDS = ", asked for "  # behind the words for a place (`ReturnAsked.place`)


class Place(NamedTuple):
    """A way of testing, in words, and what is asked for there. asks: {evaluation: return}, ascending."""

    label: str
    asks: dict[str, float]


def asked(params: dict[str, Any]) -> float | None:
    """The one return that params ask for; None where they don't, or ask for several."""
    return float(params[LOW]) if LOW in params and params.get(LOW) == params.get(HIGH) else None


def rest(params: dict[str, Any]) -> dict[str, Any]:
    """Params without what is asked for, and without which pool levels are from."""
    return {name: value for name, value in params.items() if name not in (LOW, HIGH, "held_out")}


def places(results: xarray.Dataset) -> list[Place]:
    """Evaluations that ask for one return each, put together where they differ in that alone; first those as the first one is."""
    planned, said = reading.config_of(results).get("evaluations", {}), naming.read(results)
    found: dict[str, tuple[str, dict[str, float]]] = {}
    for name in map(str, results.evaluation.values):
        params = planned.get(name, {})
        if (one := asked(params)) is not None:
            words = said.evaluations.get(name, "")
            label = words.partition(WORDS)[0] if WORDS in words else ""
            label = label or "with " * bool(rest(params)) + listed(
                f"{plain(k)} = {v:g}" for k, v in rest(params).items()
            )
            found.setdefault(repr(sorted(rest(params).items())), (label or "as in training", {}))[1][name] = one
    return [Place(label, dict(sorted(asks.items(), key=lambda x: x[1]))) for label, asks in found.values()]


def needed(results: xarray.Dataset) -> list[Place]:
    """The same. Raises InputError where there are none."""
    if not (found := places(results)):
        asked_so = "evaluations that ask for one return each, by asked_low = asked_high"
        raise InputError(f"asks = return_prompt needs {asked_so}; allowed: a world return_asked")
    return found


def trained(results: xarray.Dataset) -> tuple[float, float] | None:
    """The lowest and the highest return that the main condition asks for; None where it does not say."""
    planned: dict[str, Any] = reading.config_of(results).get("conditions", {})
    first: dict[str, Any] = next(iter(planned.values()), {})
    main = first.get("params", {})
    return (float(main[LOW]), float(main[HIGH])) if LOW in main and HIGH in main else None


def shifted(results: xarray.Dataset) -> list[str]:
    """Conditions that train in another world than the main one, whatever they ask for: controls of what can be learned there."""
    planned = {name: c.get("params", {}) for name, c in reading.config_of(results).get("conditions", {}).items()}
    main = next(iter(planned), "")
    return [name for name, params in planned.items() if rest(params) != rest(planned[main])]


def slopes(achieved: np.ndarray, evaluations: list[str], asks: dict[str, float]) -> np.ndarray:
    """float[seeds], the least-squares slope of what each achieves, float[seeds, evaluation], against what is asked for; none below
    two asks.
    """
    if len({*asks.values()}) < 2:
        return np.zeros(0)
    ask = np.array([*asks.values()])
    y = achieved[:, [evaluations.index(name) for name in asks]]
    return (y - y.mean(1, keepdims=True)) @ (ask - ask.mean()) / ((ask - ask.mean()) ** 2).sum()


def true_returns(results: xarray.Dataset) -> xarray.DataArray:
    """What episodes were truly worth at the end of training, [rule, condition, seed, evaluation]: the sum of the signal "true"."""
    found = results["signal_sum"].isel(point=-1).sel(signal="true")
    return found.transpose("rule", "condition", "seed", "evaluation")
