"""`rewardlab doctor`: what there is to compute with, and what will be slow or will not work here."""

from __future__ import annotations

import json

from rewardlab.cli import Parser, say

GUIDE = """\
Nothing is trained; jax's devices are started.

Exit codes: 0 runs will work; 1 something has to be mended first, and a line that begins with FAIL says what.
"""


def main(words: list[str]) -> int:
    parser = Parser(
        "doctor",
        usage="rewardlab doctor [--json]",
        description="Says what there is to compute with, and what will be slow or will not work here.",
        epilog=GUIDE,
    )
    parser.add_argument("--json", action="store_true", help="the same as JSON, {name: {state, text}}")
    given = parser.parse_args(words)
    from rewardlab.backend import health

    found = []
    for check in health.CHECKS:
        for name, state, text in check():
            found.append((name, state, text))
            if not given.json:
                say(f"{state:<4}  {name:<12}  {text}")
    if given.json:
        say(json.dumps({name: {"state": state, "text": text} for name, state, text in found}, indent=2))
    return int(any(state == health.FAIL for _, state, _ in found))
