"""The README is true and short: its code runs, its links lead somewhere, its table is that of the experiments."""

import re
import shlex
import tomllib

import numpy as np
import pytest
from documents import DOCS, PAGES, README, ROOT, commands, examples

LONGEST = 900  # words before the licence


def test_it_is_short_and_has_its_parts():
    before, licence, _ = README.partition("## Licence")
    words = re.findall(r"[^\s|]+", re.sub(r"<!--.*?-->", "", before))
    assert licence and len(words) <= LONGEST
    assert "docs/figures/coin-missed.gif" in README and len(re.findall(r"^- \*\*.*\*\*", README, re.MULTILINE)) == 3
    ((_, code),) = examples(README)
    assert len([line for line in code.splitlines() if line]) <= 8


def test_answers_written_by_hand_have_the_numbers_of_the_page_that_has_their_conditions():
    said = tomllib.loads((DOCS / "tools" / "answers.toml").read_text(encoding="utf-8"))["answers"]
    known = set(re.findall(r"[\d.,]*\d", PAGES["questions.md"]))
    numbers = {name: set(re.findall(r"[\d.,]*\d", text)) for name, text in said.items()}
    assert sum(map(len, numbers.values())) > 20
    assert {name: lacking for name, found in numbers.items() if (lacking := found - known)} == {}


@pytest.mark.slow
def test_the_eight_lines_run(one_device):
    shown = []
    exec(examples(README)[0][1], {"print": shown.append})
    (shares,) = shown
    assert {name: share.shape for name, share in shares.items()} == dict.fromkeys(("coin", "end", "died", "time"), (8,))
    np.testing.assert_allclose(sum(np.asarray(share) for share in shares.values()), np.ones(8), atol=1e-5)
    assert np.mean(shares["end"]) > 0.5 > 0.1 > np.mean(shares["coin"]), "they run past the moved coin"


def test_continuous_integration_runs_the_commands_that_the_readme_gives():
    """On the oldest Python pinned, with the slow tests; what may be compiled quickly on the newest, unpinned; variants nowhere."""
    install, test = next(c for c in commands(README) if c.endswith("pytest")).split(" && ")
    text = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines()]
    quiet = {"--quiet", "--disable-pip-version-check"}
    run = [
        [word for word in shlex.split(line) if word not in quiet] for line in lines if line.startswith("pip install")
    ]
    pinned = shlex.split(install)
    assert run == [pinned, [word for word in pinned if word not in ("-c", "constraints.txt")]]
    tests = [line.split(" || ")[0] for line in lines if line.startswith("pytest")]
    rest = "not slow(seldom=True)"
    chosen = ("", f' -m "slow and not slow(quickly=True) and {rest}"', f' -m "slow(quickly=True) and {rest}"')
    assert tests == [f'{test}{which} "$@"' for which in chosen], "every test once"
    assert lines.index(next(line for line in lines if line.startswith("use newest"))) < lines.index(
        tests[2] + ' || [ "$?" -eq 5 ]'
    )


def test_links_lead_to_files_that_are_there():
    linked = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert len(linked) > 10 and [path for path in linked if not (ROOT / path).exists()] == []
