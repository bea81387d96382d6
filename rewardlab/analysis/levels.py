"""Whether a rule's declared level goes with what the audit found: a verdict rests on that, not on what a rule says of itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rewardlab.analysis import naming
from rewardlab.analysis.wording import LEVELS, listed

if TYPE_CHECKING:
    import xarray


def contradiction(row: Mapping[str, Any]) -> str:
    """What of the audit does not go with the declared level, a clause in words; "" if nothing, or if the level is proven.

    row: the fields of `auditing.Reach`, or of an older one, which knows nothing of `proven`. Levels 3 and 4, a return or a
    step's reward, are alike to the audit; and a predictor of reward may be fitted in ways that it does not recognise.
    """
    level, enters = row["level"], row["enters"]
    if row.get("proven", True) or level is None:
        return ""
    acting = [head for head in row["fitted"] if head in row["reads"]]
    found = []
    if (level == 0 and enters != "no") or (level in (1, 2) and enters not in ("no", "choices")):
        found.append(entry(enters))
    elif level > 0 and enters == "no":
        found.append("nothing of reward enters its update")
    if level < 5 and acting:
        found.append(f"{listed(acting)}, which it acts by, is fitted to reward")
    if level == 0 and "memory" in row["act"]:
        found.append("what it remembers brings reward to its actions")
    return f"it declares level {level} ({LEVELS[level]}), but the audit finds that {listed(found)}" if found else ""


def entry(enters: str) -> str:
    """How reward enters an update, as a clause."""
    if enters == "may carry amounts":
        return "what enters its update may carry amounts of reward"
    return f"reward enters its update as {enters}"


def declared(results: xarray.Dataset) -> dict[str, int | None]:
    """What each rule declares to read of reward."""
    names = map(str, results.rule.values)
    return {name: int(results["level"].sel(rule=name)) if "level" in results else naming.level(name) for name in names}


def shown(results: xarray.Dataset) -> dict[str, bool]:
    """Whether each rule is shown a demonstrator, which is information that is no reward; older results know of none."""
    return {str(name): "shown" in results and bool(results["shown"].sel(rule=name)) for name in results.rule.values}


def contradictions(results: xarray.Dataset) -> dict[str, str]:
    """{rule: what of the audit does not go with the level that it declares, in words, or ""}, of those that were audited."""
    return {row["rule"]: contradiction(row) for row in audited(results)}


def audited(results: xarray.Dataset) -> list[dict]:
    """The rows of the audit that came with results."""
    return json.loads(results.attrs.get("audit") or "[]")
