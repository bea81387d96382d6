"""Whether a rule's declared level goes with what the audit found: a verdict rests on that, not on what a rule says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewardlab.wording import LEVELS, listed


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
