"""The experiment: one question as a frozen dataclass, checked before anything compiles."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from rewardlab import agents, envs, probes, questions, rules
from rewardlab.agents import MLP, Spec
from rewardlab.envs import adapter
from rewardlab.experiment import text as text_form
from rewardlab.experiment.conditions import (
    USUAL_REWARD,
    Budget,
    Condition,
    Phase,
    Stretch,
    check_condition,
    check_name,
    check_numbers,
)
from rewardlab.inputs import registry
from rewardlab.inputs.errors import InputError, one_word, show, unknown, wrong_type
from rewardlab.inputs.fields import LARGEST_SIZE, MOST_STEPS, bounds, checked, coerce, hints, reads_old_names, whole
from rewardlab.probes import Probe
from rewardlab.questions import Question
from rewardlab.rules import contract
from rewardlab.terminal import notebook
from rewardlab.types import Rule

MOST = 2**22  # measurements of an experiment: so many that all results fit into one file of `files.BINARY` bytes
SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+=-]{0,63}", re.ASCII)


POLICIES = ("end", "points", "none")


@reads_old_names
@dataclass(frozen=True)
class Experiment:
    """A question, and everything that decides its answer. Raises InputError for what it can't use.

    name: names the run's directory.
    question: in plain words.
    conditions: ways of training, {name: Condition}; the first is the main one.
    evaluations: ways of testing, {name: {param of the world: number}}; the first is the training distribution, on
        levels held out from training where the world has any.
    temperatures: {evaluation: temperature} of those in which actions are drawn, from the softmax of what the network says
        over the temperature; in the others the agent acts greedily.
    rules: the update rules to compare, {name: Rule}; a rule's own name or path stands for the rule with its defaults.
    agent: the network, the same for every rule that has none of its own: a specification, or whatever `agents.spec` takes.
    agents: {rule: network} of the rules that have their own, so that one rule may be compared under several networks.
    env: a world's name, the path of a file that defines `make`, or an Environment.
    env_kwargs: arguments of the world's `make`.
    control: the condition whose success a claim about goals needs, or None.
    total_steps: environment steps that each seed lives, at most 2·10⁹, as they are counted in 32 bits.
    seeds: how many agents are trained per rule and condition.
    budgets: {rule: Budget} of the rules that get other steps or fewer seeds.
    points: evaluations after the one of the untrained agent, evenly spaced. Where budgets differ there is one more, at the
        largest number of steps that all rules share.
    points_at: where these evaluations are instead, as shares of each rule's steps; there is always one at the end, and one
        wherever a phase begins, before anything is learned in it.
    episodes: episodes of each evaluation.
    width: seeds per batch and device; 0: what suits the device (`widths.py`). Part of a run's identity: another width
        rounds differently.
    capability: what counts as having learned, as a share of the way from the random policy's return on the first evaluation to
        the optimal policy's; the world's scripted policies "random" and "optimal" are played to know both.
    capable_return: the return on the first evaluation that counts as having learned, in place of that share. Needed in a
        world that has no such policies, as gymnax's have none.
    control_capability: share of successes under shift that the control has to reach for a claim.
    seed: root of all randomness.
    asks: what the results are read for: the name of a question (`rewardlab.questions`), or the path of a file that defines one.
    probes: what is measured beside that which the question needs: names of probes (`rewardlab.probes`), or paths of files.
    policies: whose parameters are kept, float32 each: "end", those of every seed at the end of its training; "points", at every
        point, too; "none", of no batch but the first of each rule under the main condition, which is filmed. Of a rule whose
        policies would take more than 1 GB no more are kept, either, and the run says so.
    published: what others reported for this world, {who, by what, under which conditions: return}; shown beside the results.
    claim: the disputed claim that the question is about, in one plain sentence.
    source: who made the claim, where and when: "Sam Ringer 2022, Models Don't \"Get Reward\"". Neither is part of a run's identity:
        they may be added to a finished run's experiment, and reworded.
    """

    was: ClassVar = {"steps": "total_steps"}  # the old names of fields, which are still read

    name: str
    question: str
    conditions: dict[str, Condition]
    evaluations: dict[str, dict[str, bool | int | float]]
    rules: dict[str, Rule]
    temperatures: dict[str, float] = field(default_factory=dict)
    agent: Any = field(default_factory=MLP)
    agents: dict[str, Any] = field(default_factory=dict)
    env: Any = "coinrun"
    env_kwargs: dict[str, Any] = field(default_factory=dict)
    control: str | None = None
    total_steps: int = whole(1_000_000, 1, MOST_STEPS)
    seeds: int = whole(32, 1, 10**6)
    budgets: dict[str, Budget] = field(default_factory=dict)
    points: int = whole(8, 1, 10**4)
    episodes: int = whole(128, 1, 10**6)
    width: int = whole(0, 0, 4096)
    capability: float = field(default=0.8, metadata={"range": (0.0, 1.0)})
    capable_return: float | None = None
    control_capability: float = field(default=0.5, metadata={"range": (0.0, 1.0)})
    seed: int = whole(0, 0, 2**32 - 1)
    published: dict[str, float] = field(default_factory=dict)
    points_at: tuple[float, ...] = ()
    asks: str = questions.USUAL
    probes: tuple[str, ...] = ()
    policies: str = POLICIES[0]
    claim: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        def put(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)

        safe_name("name", self.name)
        for f in fields(self):
            hint = hints(Experiment)[f.name]
            put(f.name, coerce(getattr(self, f.name), hint, f.name, bounds(f, hint)))
        put("rules", _entries("rules", self.rules, _rule))
        put("conditions", _entries("conditions", self.conditions, check_condition))
        put("evaluations", _entries("evaluations", self.evaluations, check_numbers, blanks=True))
        budgets = {name: self._budget(name, budget) for name, budget in self.budgets.items()}
        put("budgets", {name: budget for name, budget in budgets.items() if budget != Budget()})
        put("agent", _network("agent", self.agent))
        own = {name: self._own_agent(name, agent) for name, agent in self.agents.items()}
        put("agents", {name: agent for name, agent in own.items() if agent != self.agent})
        for name in self.temperatures:
            if name not in self.evaluations:
                raise unknown("evaluation in temperatures", name, self.evaluations)
        warm = {k: coerce(v, float, f"temperatures.{k}", (0.0, 1e6)) for k, v in self.temperatures.items()}
        put("temperatures", {name: temperature for name, temperature in warm.items() if temperature})
        put(
            "published",
            {check_name("published", k): coerce(v, float, f"published.{k}") for k, v in self.published.items()},
        )
        if self.control is not None and self.control not in self.conditions:
            raise unknown("control", self.control, self.conditions, "conditions of the experiment, or none")
        placed = sorted({coerce(share, float, "points_at", (0.0, 1.0)) for share in self.points_at} - {0.0})
        put("points_at", tuple(placed if placed[-1:] == [1.0] or not placed else [*placed, 1.0]))
        put("asks", _member(questions, self.asks))
        put("probes", tuple(dict.fromkeys(_member(probes, name) for name in self.probes)))
        for rule, name in itertools.product(self.rules, self.conditions):
            if (runs := self.seeds_of(rule, name)) % (forks := self.conditions[name].forks):
                raise InputError(
                    f"conditions.{name} parts each run into {forks}, and {rule} has {runs} seeds there; allowed: a multiple "
                    f"of {forks}"
                )
        if self.policies not in POLICIES:
            raise unknown("policies", self.policies, POLICIES)
        self._check_world(put)
        figures = (
            len(self.rules)
            * len(self.conditions)
            * self.seeds
            * (max(self.points, len(self.points_at)) + 2)
            * len(self.evaluations)
        )
        if figures > MOST:
            raise InputError(
                f"rules x conditions x seeds x points x evaluations = {figures:,} measurements are out of range; "
                f"allowed: at most {MOST:,}"
            )

    def _check_world(self, put: Callable[[str, Any], None]) -> None:
        world = self.env
        if isinstance(world, (str, Path)):
            world = str(registry.python_file(world)) if registry.is_path(world) else world
        elif (known := envs.origin(world)) and not self.env_kwargs:  # it was made by its name, and is known by it
            world, kwargs = known
            put("env_kwargs", kwargs)
        put("env", world)
        put("env_kwargs", {k: _argument(f"env_kwargs.{k}", v) for k, v in self.env_kwargs.items()})
        envs.check_name(world, self.env_kwargs)
        if not any(values for _, values in self._params()):
            return
        kinds = envs.params_kinds(world)
        if kinds is None:  # then `world` checks them
            return
        put("evaluations", {k: envs.typed(f"evaluations.{k}", v, kinds) for k, v in self.evaluations.items()})

        def typed(name: str, condition: Condition) -> Condition:
            where = f"conditions.{name}"
            phases = (
                replace(phase, params=envs.typed(f"{where}.phases.{i}.params", phase.params, kinds))
                for i, phase in enumerate(condition.phases)
            )
            return replace(
                condition, params=envs.typed(f"{where}.params", condition.params, kinds), phases=tuple(phases)
            )

        put("conditions", {name: typed(name, condition) for name, condition in self.conditions.items()})

    def _params(self) -> list[tuple[str, dict[str, Any]]]:
        """(where it says so, what it changes of the world's params) of all conditions and evaluations."""
        trained = [(f"conditions.{name}.params", c.params) for name, c in self.conditions.items()]
        for name, c in self.conditions.items():
            trained += [(f"conditions.{name}.phases.{i}.params", phase.params) for i, phase in enumerate(c.phases)]
        return trained + [(f"evaluations.{name}", values) for name, values in self.evaluations.items()]

    @property
    def main(self) -> dict[str, bool | int | float]:
        """The fields of the world's params that the main condition, the first one, changes."""
        return next(iter(self.conditions.values())).params

    def _budget(self, name: str, budget: Budget) -> Budget:
        if name not in self.rules:
            raise unknown("rule in budgets", name, self.rules)
        if not isinstance(budget, Budget):
            raise wrong_type(f"budgets.{name}", budget, "a Budget")
        steps = coerce(budget.total_steps, int | None, f"budgets.{name}.total_steps", (1, MOST_STEPS))
        return Budget(steps, coerce(budget.seeds, int | None, f"budgets.{name}.seeds", (1, LARGEST_SIZE)))

    def _own_agent(self, name: str, agent: Any) -> Spec:
        if name not in self.rules:
            raise unknown("rule in agents", name, self.rules)
        return _network(f"agents.{name}", agent)

    def agent_of(self, rule: str) -> Spec:
        """The network of a rule."""
        return self.agents.get(rule, self.agent)

    @property
    def warmth(self) -> np.ndarray | None:
        """The temperature of each evaluation, float32[E], 0 for greedy ones; None where all are."""
        if not any(self.temperatures.values()):
            return None
        return np.array([self.temperatures.get(name, 0.0) for name in self.evaluations], np.float32)

    @property
    def measured(self) -> dict[str, Probe]:
        """Every probe that measures, {name or path: Probe}. Loading one of the user's own runs its file."""
        return {
            name: probes.load(name)
            for name in dict.fromkeys((*questions.ALWAYS, *self.question_asked.probes, *self.probes))
        }

    @property
    def question_asked(self) -> Question:
        """The question that `asks` names. Loading one of the user's own runs its file."""
        return questions.load(self.asks)

    def seeds_of(self, rule: str, condition: str) -> int:
        """How many seeds of a rule are trained under a condition."""
        limits = (self.seeds, self.conditions[condition].seeds, self.budgets.get(rule, Budget()).seeds)
        return min(limit for limit in limits if limit is not None)

    def steps_of(self, rule: str) -> int:
        """How many environment steps a seed of a rule lives."""
        return self.budgets.get(rule, Budget()).total_steps or self.total_steps

    def targets(self, rule: str) -> np.ndarray:
        """The numbers of steps at which a rule is evaluated, int64[P], in order; P is the same for all rules."""
        steps = self.steps_of(rule)
        starts = {phase.start for condition in self.conditions.values() for phase in condition.phases}
        placed = {0.0, *(self.points_at or (i / self.points for i in range(1, self.points + 1))), *starts}
        even = np.linspace(0, steps, self.points + 1).round().astype(np.int64)
        if self.points_at or starts:
            even = (np.unique(np.round([*placed], 9)) * steps).round().astype(np.int64)
        return even if self.alike else np.sort(np.append(even, self.shared_steps))

    @property
    def paid(self) -> tuple[str, ...]:
        """The signals that are reward in any phase, in order; none where all of them pay the world's own reward."""
        every = [phase.reward for c in self.conditions.values() for phase in c.phases]
        return tuple(sorted({*USUAL_REWARD, *(name for reward in every for name in reward)})) * any(
            reward != USUAL_REWARD for reward in every
        )

    def stretches(self, rule: str, condition: str) -> list[Stretch]:
        """The phases of a rule's training under a condition, in order, the first one from 0 steps on."""
        own, steps = self.conditions[condition], self.steps_of(rule)
        at_once = own.phases[0] if own.phases and own.phases[0].start == 0 else None
        first, found = at_once or Phase(), []
        if at_once is None or at_once.forks > 1:  # runs that part at once begin as one
            found = [Stretch(0, own.params | first.params, self._weights(first.reward))]
        for i, phase in enumerate(own.phases):
            forks = tuple(phase.forks for phase in own.phases[: i + 1])
            weights = self._weights(phase.reward)
            found.append(Stretch(round(phase.start * steps), own.params | phase.params, weights, forks))
        return found

    def _weights(self, reward: dict[str, float]) -> dict[str, float]:
        return {name: reward.get(name, 0.0) for name in self.paid}

    def shared_point(self, rule: str) -> int:
        """The last of a rule's evaluations at no more steps than all rules live."""
        return int(np.flatnonzero(self.targets(rule) <= self.shared_steps)[-1])

    @property
    def shared_steps(self) -> int:
        """The largest number of steps that a seed of every rule lives."""
        return min(map(self.steps_of, self.rules))

    @property
    def alike(self) -> bool:
        """Whether seeds of all rules live equally many steps."""
        return len({*map(self.steps_of, self.rules)}) == 1

    def world(self) -> Any:
        """The Environment, made. Raises InputError when a condition, an evaluation or a rule does not fit it."""
        env = envs.make(self.env, **self.env_kwargs)
        for where, values in self._params():
            envs.params(env, where, **values)
        for name, rule in self.rules.items():
            contract.check(rule, env, self.agent_of(name), where=f"rules.{name}")
        for name in self.paid:
            if name not in (signals := adapter.scalars(env)):
                raise unknown("signal of the world in a phase's reward", name, signals)
        return env

    def check_capability(self, env: Any) -> None:
        """Raises InputError where neither the experiment nor its world says what counts as having learned."""
        if self.capable_return is None and not {"random", "optimal"} <= {*adapter.scripted(env)}:
            first = next(iter(self.evaluations))
            world = show(self.env if isinstance(self.env, str) else type(self.env).__name__)
            raise InputError(
                f'capable_return is missing, and world {world} has no policies "random" and "optimal" to measure '
                f"a share of; allowed: the return on evaluation {first!r} that counts as having learned"
            )

    def _repr_html_(self) -> str:
        return notebook.of_experiment(self)

    def to_json(self) -> str:
        """The whole experiment as JSON text. What a notebook defines is recorded by its name alone, which nothing can read."""
        return text_form.to_json(self)

    @classmethod
    def from_json(cls, text: str, files: bool = False, where: str = "the config") -> Experiment:
        """The experiment that `to_json` wrote. Raises InputError, which says `where` it comes from.

        files: whether Python files that it names, of worlds and rules say, may be run.
        """
        return text_form.from_json(cls, text, files, where)


def safe_name(where: str, name: Any, blanks: bool = False) -> str:
    """A name that is safe as a file's name on every system. Raises InputError for any other. blanks: whether single ones may be
    inside of it.
    """
    allowed = "1 to 64 letters, digits, and _ . + = -, of which the first is a letter or a digit"
    allowed += ", and single blanks between them" * blanks
    if not isinstance(name, str):
        raise wrong_type(where, name, allowed)
    plain = re.sub(r"(?<=\S) (?=\S)", "_", name) if blanks else name
    if not SAFE_NAME.fullmatch(plain) or name.endswith(".") or "--" in name:
        raise InputError(f"{where} = {show(name)} can't name files; allowed: {allowed}, no -- and no . at the end")
    return name


def _network(where: str, given: Any) -> Spec:
    try:
        return checked(agents.spec(given), where)
    except InputError as error:
        if where in str(error):
            raise
        raise InputError(f"{where}: {error}") from error


def _entries(
    where: str, given: Mapping[str, Any], check: Callable[[str, Any], Any], blanks: bool = False
) -> dict[str, Any]:
    if not given:
        raise InputError(f"{where} is empty; allowed: at least one")
    taken: dict[str, str] = {}
    for name in given:
        safe_name(f"a name in {where}", name, blanks)
        first = taken.setdefault(one_word(name).lower(), name)
        if first != name:  # they would be one file on some systems, and one flag on the command line
            raise InputError(
                f"{where} has both {name!r} and {first!r}; allowed: names that differ by more than case, -, _ and blanks"
            )
    return {name: check(f"{where}.{name}", value) for name, value in given.items()}


def _rule(where: str, value: Any) -> Rule:
    return rules.counted(checked(value if isinstance(value, Rule) else rules.make(value), where), where)


def _member(family: Any, name: str) -> str:
    """A name, or the absolute path of a user's file, that `family.load` knows. Raises InputError."""
    path = str(registry.python_file(name)) if registry.is_path(name) else name
    family.load(path)
    return path


def _argument(where: str, value: Any) -> Any:
    """An argument of a world's `make`: numbers and texts checked, lists as tuples, objects of Python's as they are."""
    if isinstance(value, (list, tuple)):
        return tuple(_argument(where, item) for item in value)
    kind = next((kind for kind in (bool, str, float) if isinstance(value, kind)), None)
    return coerce(value, kind, where) if kind else value
