"""The seeded bugs fit the present sources and tests. What kills them, `python tests/seeded_bugs.py` measures."""

import ast
from pathlib import Path

from seeded_bugs import ROOT, bugs, mutated


def test_every_bug_changes_one_place_and_names_tests_that_exist():
    known, tests = bugs(), {}
    assert len(known) >= 40 and len({(bug["file"], bug["old"], bug["new"]) for bug in known}) == len(known)
    for bug in known:
        source = Path(ROOT, "rewardlab", bug["file"]).read_text(encoding="utf8")
        assert ast.dump(ast.parse(mutated(bug))) != ast.dump(ast.parse(source)), bug
        assert bug["what"] and bug["tests"]
        for test in bug["tests"]:
            file, name = test.split("[")[0].split("::")
            if file not in tests:
                tree = ast.parse(Path(ROOT, "tests", file).read_text(encoding="utf8"))
                tests[file] = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
            assert name in tests[file], bug
