"""Renews what is generated: the README's table of questions, and the project's address in the README and the notebooks.

`python docs/tools/readme.py` writes them; a test compares. Claims and sources are those of the configs, answers those of
`answers.toml`, in few words, or else of the record of findings.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from rewardlab.analysis import findings
from rewardlab.experiment import config

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"(<!-- table: .*? -->\n).*?(<!-- table -->)", re.DOTALL)
ADDRESS = re.compile(r"(//github\.com/|/colab\.research\.google\.com/github/)[\w.-]+/[\w.-]+?(?=[/}\"\\\s)]| &&)")
BESIDE = tomllib.loads((Path(__file__).parent / "answers.toml").read_text(encoding="utf-8"))


def holders() -> list[Path]:
    """The files in which something is generated."""
    return [ROOT / "README.md", *sorted((ROOT / "docs" / "tutorials").glob("*.ipynb"))]


def home() -> str:
    """The project's address: "owner/name"."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return "/".join(project["urls"]["Repository"].split("/")[-2:])


def renewed(path: Path) -> str:
    """The text that a file should have."""
    text = path.read_text(encoding="utf-8")
    if BLOCK.search(text):
        text = BLOCK.sub(lambda found: found[1] + table() + found[2], text)
    return ADDRESS.sub(lambda found: found[1] + home() if found[0].endswith("/rewardlab") else found[0], text)


def table() -> str:
    """A row for each claim, in short, up to a colon: its experiments, and the answer of the first; docs/questions.md has all."""
    asked = {name: config.load(name) for name in config.names()}
    known = findings.read()
    answered = [
        {"name": n, "claim": e.claim, "source": e.source}
        for n, e in asked.items()
        if n in known or n in BESIDE["answers"]
    ]
    claims = findings.by_claim(one for one in answered if one["claim"])
    rows = ["|the claim|the post|`rewardlab run`|the answer we got|", "|---|---|---|---|"]
    for claim, of in claims.items():
        short, commands = claim.removesuffix(".").partition(": ")[0], ", ".join(f"`{one['name']}`" for one in of)
        first = of[0]["name"]
        rows.append(f"|{short}|{posts(findings.sources(of))}|{commands}|{answer(first, known.get(first))}|")
    return "\n".join(rows) + "\n"


def answer(name: str, found: findings.Finding | None) -> str:
    """What came out, in a few words: those of `answers.toml` where it has any, as a recorded effect in full is longer."""
    if name in BESIDE["answers"]:
        return BESIDE["answers"][name]
    return findings.effect(found) if found and found["effect"] else findings.in_short(found)


def posts(sources: str) -> str:
    """Links to where a claim was made: "[Ringer 2022](...)"; at most two."""
    found = []
    for source in sources.split("; "):
        if told := re.match(r"(?:after )?(.*?),? (\d{4})", source):
            several = re.search(r" et al\.|,| and ", told[1])
            who = re.split(r" et al\.|,| and ", told[1])[0] if several else told[1].split()[-1]
            link = BESIDE["sources"].get(f"{who} {told[2]}")
            found.append(f"[{who} {told[2]}]({link})" if link else f"{who} {told[2]}")
    return ", ".join(found[:2]) or "–"


if __name__ == "__main__":
    for path in holders():
        path.write_text(renewed(path), encoding="utf-8")
