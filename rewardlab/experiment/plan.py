"""The plan: an experiment with all that follows from it, each worked out once, when it is first asked for, and then passed on."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any, NamedTuple

import jax.numpy as jnp

from rewardlab import rules, training
from rewardlab.agents import Spec
from rewardlab.envs.adapter import set_params, stack_params
from rewardlab.experiment import layout as layouts
from rewardlab.experiment import text
from rewardlab.experiment.conditions import Stretch
from rewardlab.experiment.experiment import Experiment
from rewardlab.experiment.layout import Layout
from rewardlab.probes import Probe
from rewardlab.types import Act, Policy


class Kind(NamedTuple):
    """A kind of policy: rules whose kinds are equal share the programs that evaluate and film.

    heads: as of `Rule.heads`. act, ways: how it acts, `Policy.act`, and in which other ways it may, ((name, act), ...).
    """

    agent: Spec
    heads: tuple[tuple[str, Any], ...]
    act: Act
    ways: tuple[tuple[str, Act], ...] = ()

    def policy(self, params: Any = None) -> Policy:
        """The policy of these parameters."""
        return Policy(params, self.act, dict(self.ways))

    @property
    def head(self) -> str:
        """The head that decides on the action."""
        return self.heads[0][0]


class Plan:
    """An experiment, resolved. Raises InputError, as a part is first asked for, where the experiment does not go with its world.

    platform: what its programs are for, as of `training.Setting`.
    """

    def __init__(self, experiment: Experiment, platform: str | None = None):
        self.experiment, self.platform = experiment, platform
        self._settings: dict[str, training.Setting] = {}
        self._kinds: dict[str, Kind] = {}

    @functools.cached_property
    def env(self) -> Any:
        """The world, made, in which every condition, evaluation and rule was checked."""
        return self.experiment.world()

    @functools.cached_property
    def params(self) -> Any:
        """The world's default params, strong arrays."""
        return set_params(self.env.default_params, {})

    @functools.cached_property
    def evaluations(self) -> dict[str, Any]:
        """{evaluation: the world's params there}."""
        tested = self.experiment.evaluations
        return {name: set_params(self.env.default_params, changes) for name, changes in tested.items()}

    @functools.cached_property
    def overrides(self) -> dict[str, Any]:
        """{field of the world's params: [E]}, its values in all evaluations, of the fields that any of them changes."""
        return stack_params(self.env.default_params, list(self.experiment.evaluations.values()))

    @functools.cached_property
    def probes(self) -> dict[str, Probe]:
        """Every probe that measures, {name or path: Probe}."""
        return self.experiment.measured

    @functools.cached_property
    def layout(self) -> Layout:
        """What is kept of every seed."""
        return layouts.of(self)

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 of the config without what may differ between two runs of the same seeds: their number, and the width."""
        return text.digest(self.experiment.to_json())

    def setting(self, rule: str) -> training.Setting:
        """A rule's setting; inputs are standardised by the main condition's levels."""
        if rule not in self._settings:
            made, spec = self.experiment.rules[rule], self.experiment.agent_of(rule)
            told = training.setting(self.env, made, spec, main=self.experiment.main, platform=self.platform)
            counted = {name: None for probe in self.probes.values() for name in probe.counts(self)}
            self._settings[rule] = told._replace(counted=tuple(counted))
        return self._settings[rule]

    def kind(self, rule: str) -> Kind:
        """What a rule's policies have in common with those of others."""
        if rule not in self._kinds:
            made = self.experiment.rules[rule]
            heads, policy = rules.heads(made, self.env), training.deployed(self.setting(rule), made)
            spec, ways = self.experiment.agent_of(rule), tuple(policy.ways.items())
            self._kinds[rule] = Kind(spec, tuple(heads.items()), policy.act, ways)
        return self._kinds[rule]

    def kinds(self) -> dict[Kind, str]:
        """{kind of policy: one of its rules}."""
        return {self.kind(name): name for name in self.experiment.rules}

    def stretch(self, one: Stretch) -> tuple[Any, tuple[training.Weights, ...]]:
        """What a stretch of training gives its programs: the world's params; and the weights, where there are any."""
        weights = {name: jnp.float32(weight) for name, weight in one.weights.items()}
        return set_params(self.env.default_params, one.params), (weights,) * bool(weights)

    def of(self, **changes: Any) -> Plan:
        """The plan of the experiment with other fields, none of which decides what has been worked out: its numbers of seeds, its
        width, how often its runs part.
        """
        other = Plan(replace(self.experiment, **changes), self.platform)
        other.__dict__.update({k: v for k, v in self.__dict__.items() if k not in ("experiment", "digest")})
        return other
