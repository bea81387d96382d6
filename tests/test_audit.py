"""The audit against theory: what reward reaches under each rule, with each trunk; its marks; its command line."""

from __future__ import annotations

import dataclasses
import json

import jax
import jax.numpy as jnp
import pytest
from flax import struct
from worlds import Walk

import rewardlab
from rewardlab import MLP, cli, probes, rules
from rewardlab.agents import make
from rewardlab.analysis.wording import MINDS, audit_cells
from rewardlab.auditing import scripted
from rewardlab.auditing.marks import Instead, mark, marked_agent, marked_world
from rewardlab.envs import adapter
from rewardlab.experiment import Condition, Experiment
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.probes import GIVEN
from rewardlab.running.assembly import fixed

WALK, SMALL = Walk(), MLP(hidden=(4,))


def row(rule, agent=SMALL, env=WALK):
    (found,) = rewardlab.audit(rule, agent=agent, env=env)
    return found


# ------------------------------------------------------------------------------------------------------ rules and trunks

BOTH = {"logits": ("trunk", "logits"), "value": ("trunk", "value")}
ACTOR_CRITIC = ("amounts", BOTH, True, ("value",), ())
CHOICE = ("choices", {}, False, (), ())
# What enters, reward's gradient by output, derivative of behaviour, what is fitted, and which predictor is acted on.
THEORY = {
    "guess_and_check": CHOICE,  # a bar
    "truncation": CHOICE,  # an order
    "openai_es": ("amounts", {}, False, (), ()),  # the return, but no derivative of the network
    "reinforce": ACTOR_CRITIC,
    "ppo": ACTOR_CRITIC,
    "yoked": ACTOR_CRITIC,  # the reward of other episodes is reward still: it carries nothing, but it enters
    "parallel_q": ("amounts", {"q": ("trunk", "q")}, True, ("q",), ("q",)),
}


@pytest.mark.parametrize("name", THEORY)
def test_each_rule_is_what_theory_says(name):
    found = row(name)
    assert (found.enters, found.gradient, found.derivative, found.fitted, found.predictor) == THEORY[name]
    assert found.rule == name and found.level == rules.load(name).level
    assert found.act == () and found.groups == ("trunk", *rules.make(name).heads(2))


@pytest.mark.slow(quickly=True)
def test_the_audit_takes_every_rule_of_the_folder_or_the_rule_says_why_not():
    rows = {found.rule: found for found in rewardlab.audit(agent=SMALL, env=WALK)}
    assert set(THEORY) <= set(rows) <= set(rules.names())
    for name in set(rules.names()) - set(rows):
        with pytest.raises(InputError, match=name):
            row(name)
    for found in rows.values():
        assert found.act == () and found.reads, found.rule
        assert (found.enters == "no") == (found.groups == ()), found.rule
        assert bool(found.predictor) == (found.level == 5), found.rule
        assert json.loads(json.dumps(dataclasses.asdict(found)))["rule"] == found.rule
        if 0 < found.level <= 2:
            assert found.enters == "choices" and not found.gradient, found.rule


TRUNKS = {
    "shared": BOTH,
    "separate": {"logits": ("logits_trunk", "logits"), "value": ("value_trunk", "value")},
    "stop-gradient": {"logits": ("trunk", "logits"), "value": ("value",)},
}


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize("name", ["ppo", "reinforce", "yoked"])
def test_the_trunks_are_told_apart(name):
    assert {trunk: row(name, MLP(hidden=(4, 4), layer_norm=True, trunk=trunk)).gradient for trunk in TRUNKS} == TRUNKS


def test_the_gradients_numbers_reach_the_groups_that_the_audit_names():
    def slopes(trunk, key, obs):
        agent = make(MLP(hidden=(8,), trunk=trunk), jax.ShapeDtypeStruct((2,), jnp.float32), {"logits": 2, "value": 1})
        params = agent.init(key)
        of = {h: jax.grad(lambda p, h=h: agent.apply(p, obs)[h].sum())(params) for h in ("logits", "value")}
        return {
            h: {layer: sum(abs(leaf).sum() for leaf in jax.tree.leaves(x)) for layer, x in slope.items()}
            for h, slope in of.items()
        }

    found = jax.jit(lambda *x: {trunk: slopes(trunk, *x) for trunk in TRUNKS})(jax.random.key(0), jnp.ones((3, 2)))
    for trunk, heads in TRUNKS.items():
        for head, groups in heads.items():
            layers = {"Dense_0" if group == "trunk" else group for group in groups}
            assert {layer for layer, size in found[trunk][head].items() if size > 0} == layers, (trunk, head)


def test_trunks_are_options_of_the_network_and_the_shared_one_is_what_it_was():
    heads, key = {"logits": 2, "value": 1}, jax.random.key(1)
    made = {
        trunk: make(MLP(hidden=(3,), trunk=trunk), jax.ShapeDtypeStruct((2,), jnp.float32), heads) for trunk in TRUNKS
    }
    params = {trunk: agent.init(key) for trunk, agent in made.items()}
    assert set(params["shared"]) == {"Dense_0", "logits", "value"}
    assert set(params["separate"]) == {"logits_trunk", "value_trunk", "logits", "value"}
    assert set(params["separate"]["value_trunk"]) == {"Dense_0"}
    same = jax.tree.map(lambda a, b: bool((a == b).all()), params["shared"], params["stop-gradient"])
    assert all(jax.tree.leaves(same))
    obs = jnp.arange(8.0).reshape(4, 2)
    outputs = {trunk: agent.apply(params[trunk], obs) for trunk, agent in made.items()}
    assert all(bool((outputs["shared"][h] == outputs["stop-gradient"][h]).all()) for h in heads)
    assert {h: x.shape for h, x in outputs["separate"].items()} == {"logits": (4, 2), "value": (4, 1)}
    with pytest.raises(InputError, match="did you mean 'shared'"):
        rewardlab.inputs.fields.checked(MLP(trunk="sharde"))


# ----------------------------------------------------------------------------------------------------------------- marks


def test_marks_are_identities_with_a_slope_that_is_marked():
    def f(x):
        return (mark(x, "here", "a") ** 2).sum()

    x = jnp.arange(3.0)
    assert bool((jax.jit(jax.grad(f))(x) == 2 * x).all())
    assert bool((jax.vmap(jax.grad(f))(x[:, None])[:, 0] == 2 * x).all())
    assert float(jax.jvp(f, (x,), (jnp.ones(3),))[1]) == 6.0
    curved = jax.jvp(jax.grad(f), (x,), (jnp.ones(3),))[1]
    assert bool((curved == 2.0).all())
    roles = [e.params["role"] for e in jax.make_jaxpr(jax.grad(f))(x).eqns if e.primitive.name == "mark"]
    assert roles == ["here", "here'"]
    assert bool((mark(x, "here") == x).all())


def test_the_program_that_is_read_is_the_one_that_runs():
    """With its marks, world and agent give the same numbers."""
    marked = marked_world(WALK)
    key, state = jax.random.key(0), adapter.reset(WALK, jax.random.key(1), WALK.default_params)[1]
    plain, same = (adapter.step(env, key, state, jnp.int32(1), WALK.default_params) for env in (WALK, marked))
    assert jax.tree.map(lambda a, b: bool((a == b).all()), plain, same) == jax.tree.map(lambda _: True, plain)
    agent = make(SMALL, jax.ShapeDtypeStruct((2,), jnp.float32), {"logits": 2})
    params, obs = agent.init(jax.random.key(2)), jnp.ones((3, 2))
    assert bool((agent.apply(params, obs)["logits"] == marked_agent(agent).apply(params, obs)["logits"]).all())
    assert Instead(WALK, num_actions=7).num_actions == 7 and Instead(WALK).outcomes == WALK.outcomes


# ------------------------------------------------------------------------------------------------------ scripted policies


@pytest.mark.slow(quickly=True)
def test_a_scripted_policy_of_a_probe_has_a_row_that_says_what_it_is_given(tmp_path):
    declared = {"seer": ("state",), "planner": ("state", "dynamics")}
    file = tmp_path / "seers.py"
    file.write_text(
        "import jax.numpy as jnp\nfrom rewardlab.probes import Array, Probe\n"
        f"probe = Probe('end', {{'a': Array((), 'a')}}, lambda s: {{'a': jnp.float32(0)}}, scripted={declared})\n"
    )
    one, seer, planner = rewardlab.audit("ppo", agent=SMALL, env=WALK, probe=str(file))
    assert one == row("ppo") and (seer.rule, seer.act) == ("seer", ("state",)) and planner.act == declared["planner"]
    assert (planner.level, planner.enters, planner.gradient, planner.predictor) == (None, "no", {}, ())
    cells = audit_cells(dataclasses.asdict(planner))
    assert cells[1] == "–" and cells[5] == "given the world's state and given its dynamics, reward included"
    assert {*GIVEN} <= {*MINDS}
    # An experiment's audit has it as soon as the probe is asked for, whatever the probe is called.
    plan = lambda *probes: Plan(  # noqa: E731
        Experiment(
            name="seers", question="Who sees what?", env="lever", conditions={"lever": Condition({})},
            evaluations={"lever": {}}, rules={"truncation": rules.make("truncation")}, agent=SMALL, probes=probes,
            capable_return=1.0,
        )
    )  # fmt: skip
    told = [
        [(found["rule"], tuple(found["act"])) for found in fixed(plan(*probes)).audit] for probes in ((), (str(file),))
    ]
    assert told[0] == [("truncation", ())] and told[1] == [*told[0], *declared.items()]
    (foresight,) = scripted(probes.load("foresight"))
    assert foresight.act == GIVEN


@pytest.mark.parametrize("declared", ["{'seer': ('stat',)}", "{'seer': 'state'}", "{'': ()}", "('seer',)"])
def test_what_a_probe_declares_of_its_policies_is_checked(tmp_path, declared):
    file = tmp_path / "wrong.py"
    file.write_text(
        "from rewardlab.probes import Array, Probe\n"
        f"probe = Probe('end', {{'a': Array((), 'a')}}, lambda s: {{}}, scripted={declared})\n"
    )
    with pytest.raises(InputError, match="; allowed: a ") as error:
        probes.load(str(file))
    assert "\n" not in str(error.value)


# ---------------------------------------------------------------------------------------------------------- command line


def test_the_command_line_prints_what_the_library_finds(capsys):
    words = ["audit", "--rule", "ppo", "parallel_q", "--env", "CartPole-v1", "--agent", "stop-gradient"]
    assert cli.main([*words, "--agent.hidden", "4"]) == 0
    out = capsys.readouterr().out
    ppo, q = (next(line for line in out.splitlines() if line.startswith(name)) for name in ("ppo", "parallel_q"))
    assert "logits: trunk, logits; value: value" in ppo and "value, which does not act" in ppo
    assert "q: trunk, q" in q and "q, which acts" in q
    assert "search in the world" not in out
    assert "The mind is: " in out and "Left out" not in out and max(map(len, out.splitlines())) < 140
    assert cli.main(["audit", "--rule", "truncation", "--env", "lever", "--probe", "foresight"]) == 0
    assert "search in the world itself  –" in capsys.readouterr().out


def test_rules_may_be_given_in_every_way(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("from rewardlab.rules.ppo import PPO\n\nclass Mine(PPO):\n    pass\n\nrule = PPO\n")
    made = rules.make("ppo", num_envs=4)

    @struct.dataclass
    class Plain(type(made)):
        """A rule of the user's own, which is in no folder."""

    for given, names in [
        ("ppo", ["ppo"]),
        (made, ["ppo"]),
        (Plain(num_envs=4), ["Plain"]),
        (str(file), ["mine"]),
        (["ppo", "yoked"], ["ppo", "yoked"]),
        ({"quick": made}, ["quick"]),
    ]:
        assert [found.rule for found in rewardlab.audit(given, agent=SMALL, env=WALK)] == names


def test_rules_of_whole_episodes_get_the_steps_for_one():
    assert row("reinforce", env="CartPole-v1").gradient == BOTH  # of up to 500 steps, with 128 by default
    nested = rules.make("yoked", rule=rules.make("reinforce", unroll_length=1))
    assert row(nested).gradient == BOTH


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("audit --rule pppo", "did you mean 'ppo'?"),
        ("audit --rule ppo --probe foresigth", "did you mean 'foresight'?"),
        ("audit --env coinrnu", "did you mean 'coinrun'?"),
        ("audit --agent seperate", "did you mean 'separate'?"),
        ("audit --ruel ppo", "did you mean '--rule'?"),
        ("audit --agent.hiden 3", "did you mean 'agent.hidden'?"),
        ("audit --agent.hidden 0", "agent.hidden = 0 is out of range"),
        ("audit --rule", "expected at least one argument"),
        ("audit ppo", "unrecognized arguments: ppo"),
    ],
)
def test_bad_words_end_in_one_line(capsys, line, said):
    assert cli.main(line.split()) == 2
    out, err = capsys.readouterr()
    assert out == "" and said in err and err.count("\n") == 1
