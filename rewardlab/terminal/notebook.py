"""How a run, an experiment and an audit look in a notebook: small HTML tables, all text escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from html import escape
from typing import Any

from rewardlab.inputs.errors import InputError


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """An HTML table of texts."""
    row = lambda cells, tag: "<tr>" + "".join(f"<{tag}>{escape(str(cell))}</{tag}>" for cell in cells) + "</tr>"  # noqa: E731
    return (
        f"<table><thead>{row(head, 'th')}</thead><tbody>{''.join(row(cells, 'td') for cells in rows)}</tbody></table>"
    )


def of_run(run: Any) -> str:
    """A run: where it lies, and its verdict, or what it still lacks. Reads its files, and runs none."""
    told = [f"<p><b>{escape(str(run.path))}</b></p>"]
    try:
        told.append(f"<p>{escape(str(run.config['question']))}</p>")
        if not (run.path / "summary.json").exists():
            return "".join([*told, "<p>Not finished: the same command goes on with it.</p>"])
        told += [f"<p>{escape(str(sentence))}</p>" for sentence in run.summary["verdict"]]
        shown = [
            (name, "yes" if rule["learned"] else "no", rule.get("short", ""))
            for name, rule in run.summary["rules"].items()
        ]
        told.append(table(["rule", "learned", "in short"], shown))
        told.append(f"<p>The page: {escape(str(run.path / 'report.html'))}</p>")
    except (InputError, KeyError, TypeError, AttributeError) as problem:  # a display never fails
        told.append(f"<p>{escape(str(problem))}</p>")
    return "".join(told)


def of_experiment(experiment: Any) -> str:
    """An experiment: its question, rules, conditions and evaluations."""
    rules = [
        (
            name,
            rule.title or type(rule).__name__,
            experiment.agents.get(name, "as all"),
            f"{experiment.steps_of(name):,}",
        )
        for name, rule in experiment.rules.items()
    ]
    trained = [
        (name, condition.params or "defaults", ", ".join(str(phase) for phase in condition.phases) or "one",
         max(experiment.seeds_of(rule, name) for rule in experiment.rules))
        for name, condition in experiment.conditions.items()
    ]  # fmt: skip
    tested = [
        (name, params or "defaults", experiment.temperatures.get(name, "greedy"))
        for name, params in experiment.evaluations.items()
    ]
    world = experiment.env if isinstance(experiment.env, str) else type(experiment.env).__name__
    return "".join([
        f"<p><b>{escape(experiment.name)}</b>: {escape(experiment.question)} World: {escape(world)}. "
        f"Network: {escape(str(experiment.agent))}.</p>",
        table(["rule", "what it is", "network", "steps a seed"], rules),
        table(["condition", "params", "phases", "seeds"], trained),
        table(["evaluation", "params", "temperature"], tested),
    ])  # fmt: skip


def of_audit(rows: Iterable[Any]) -> str:
    """An audit: a row a rule, as the terminal shows it."""
    from rewardlab.analysis.wording import AUDIT, audit_cells

    return table(list(AUDIT), [audit_cells(asdict(row)) for row in rows])
