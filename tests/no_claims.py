"""How often no difference leads to a claim, of every question: python tests/no_claims.py [--draws 2000] [-k NAME]

Runs every test that calls `instrument.claims` with so many draws, and prints a line a test and case: the share of draws in which
anything was claimed, with its exact 95 % interval. Exit code 1 where it is certain to be above 5 %.
"""

from __future__ import annotations

import argparse
import ast
import os
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]


def callers() -> list[str]:
    """The tests that call `instrument.claims`, as pytest names them."""
    found = []
    for file in sorted(HERE.glob("test_*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and "instrument.claims(" in ast.unparse(node):
                found.append(f"{file}::{node.name}")
    return found


class Counted:
    """A plugin of pytest's that has `instrument.claims` take more draws, and tells what came of them."""

    def __init__(self, draws: int):
        self.draws, self.worst = draws, 0.0  # worst: the highest share that is certainly reached

    def pytest_collection_finish(self, session):
        import instrument

        from rewardlab.analysis.stats import share_interval

        real = instrument.claims
        usual = real.__kwdefaults__["draws"]

        def claims(monkeypatch, draw, *silent, draws=usual):
            began = time.process_time()
            found = real(monkeypatch, draw, *silent, draws=self.draws)
            low, high = share_interval(found, self.draws)
            test = os.environ["PYTEST_CURRENT_TEST"].partition(" ")[0].split("/")[-1]
            self.worst = max(self.worst, low)
            spent = time.process_time() - began
            told = f"{100 * found / self.draws:5.2f} % [{100 * low:.2f}-{100 * high:.2f}]  {found} of {self.draws}"
            print(f"\n{told}  {spent:.0f} s  {test}", flush=True)
            return found * draws / self.draws

        instrument.claims = claims


def main() -> int:
    import pytest

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("-k", default="", help="tests whose names have this in them, as pytest's -k")
    given = parser.parse_args()
    counted = Counted(given.draws)
    words = ["-n", "0", "-q", "-s", "-m", "slow or not slow", *(["-k", given.k] if given.k else [])]
    code = pytest.main([*words, *callers()], plugins=[counted])
    return int(code) or int(counted.worst > 0.05)


if __name__ == "__main__":
    sys.exit(main())
