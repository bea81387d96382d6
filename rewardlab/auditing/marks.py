"""Marks: identities that show up in a traced program, so that the audit can recognise the reward, the action, the outputs.

A mark leaves one behind on the derivative, too, with a ' behind its role, in forward and in reverse mode.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from rewardlab.auditing.values import evaluate, number, source
from rewardlab.backend.randomness import key_for
from rewardlab.envs.world import asking
from rewardlab.types import Agent, Model

mark_p = Primitive("mark")
mark_p.def_impl(lambda x, **_: x)
mark_p.def_abstract_eval(lambda x, **_: x)
mlir.register_lowering(mark_p, lambda context, x, **_: [x])
batching.primitive_batchers[mark_p] = lambda args, dims, **at: (mark_p.bind(*args, **at), *dims)


def mark(x: Any, role: str, name: str = "") -> jax.Array:
    """x, with a mark on it."""
    return mark_p.bind(jnp.asarray(x), role=role, name=name)


def _jvp(primals, tangents, *, role, name):
    (x,), (dx,) = primals, tangents
    dy = dx if type(dx) is ad.Zero else mark_p.bind(dx, role=role.rstrip("'") + "'", name=name)
    return mark_p.bind(x, role=role, name=name), dy


ad.deflinear2(mark_p, lambda ct, x, **at: [mark_p.bind(ct, **at)])
ad.primitive_jvps[mark_p] = _jvp


class Instead:
    """An object with some of its attributes replaced."""

    def __init__(self, of, **attributes):
        self.__dict__.update(attributes, _of=of)

    def __getattr__(self, name):
        return getattr(self._of, name)


def top(path) -> str:
    """The name at the top of a leaf's path, "" where there is none: of the layer that a parameter belongs to."""
    return str(getattr(path[0], "key", getattr(path[0], "name", ""))) if path else ""


def marked_agent(agent: Agent, prefix: str = "") -> Agent:
    """The agent, with each leaf of its parameters marked on the way in, by layer, and each output, by head."""

    def marked(ask):
        def asked(params, *given):
            outputs, memory = ask(by_layer(params), *given)
            return by_head(outputs), memory

        return asked

    def by_layer(params):
        return jax.tree_util.tree_map_with_path(lambda path, x: mark(x, f"{prefix}parameter", top(path)), params)

    def by_head(outputs):
        return {h: jax.tree.map(lambda x, h=h: mark(x, f"{prefix}output", h), out) for h, out in outputs.items()}

    def imagined(model: Model) -> Model:
        return Model(
            represent=lambda params, obs: model.represent(by_layer(params), obs),
            predict=lambda params, latent: by_head(model.predict(by_layer(params), latent)),
            advance=lambda params, latent, action: model.advance(by_layer(params), latent, action),
        )

    model = agent.model and imagined(agent.model)
    return agent._replace(
        start=lambda params, lanes: agent.start(by_layer(params), lanes),
        step=marked(agent.step),
        unroll=marked(agent.unroll),
        model=model,
    )


def marked_world(env, mark=mark):
    """The world, with marks on the value of its reward wherever that is read, on the action, on the end of an episode, and on the
    return that is asked for, where it is shown (`World.asking`).

    Its step is traced, equal expressions become one value, and the value returned as reward is marked where it arises:
    before it is reshaped, or scaled or shifted by a constant. A bool or an int that is turned into it is not the reward.
    """
    traced = {}

    def step_env(key, state, action, params):
        given, tree = jax.tree.flatten((key, state, mark(action, "action"), params))
        kind = (tree, *(jax.typeof(x) for x in given))
        if kind not in traced:
            traced[kind] = _trace(env, tree, given, len(jax.tree.leaves(params)))
        values, reward, out_tree = traced[kind]
        outs = evaluate(values, given, reward, lambda x: mark(x, "reward"))
        reward, (obs, state, terminated, info) = out_tree.unflatten(outs)
        if ask := asking(env):
            obs = ask(obs, mark(jnp.asarray(info.get("asked", 0.0), jnp.float32), "asked"))
        return obs, state, reward, mark(terminated, "end"), info

    return Instead(env, step_env=step_env)


def _trace(env, tree, given, params):
    """(numbered values, the number of the reward or -1 where it is fixed, the tree of (reward, the rest)) of one step."""

    def reward_first(*leaves):
        key, *rest = tree.unflatten(leaves)
        obs, state, reward, terminated, info = env.step_env(key_for(env.step_env, key), *rest)
        return reward, (obs, state, terminated, info)

    jaxpr, shapes = jax.make_jaxpr(reward_first, return_shape=True)(*given)
    values = number(jaxpr)
    fixed = {*values.fixed, *values.inputs[len(given) - params :]}
    reward = source(values, values.outputs[0], fixed)
    return values, -1 if reward in fixed else reward, jax.tree.structure(shapes)
