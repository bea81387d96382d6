"""How policies beside the one that is handed over fare: its return with noise in its parameters, by the size of the noise."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from rewardlab.backend.randomness import fast
from rewardlab.probes import Array, Probe, Subject
from rewardlab.probes.outcomes import counted, played

SCALES = (0.0, 0.1, 0.2, 0.4, 0.8)
DRAWN = 16  # neighbours at each size


def beside(params, key: jax.Array, scale: float):
    """The parameters with Gaussian noise, in each array of `scale` times its root mean square: step sizes differ between rules,
    and so do sizes of parameters. Consumes the key.
    """
    leaves, tree = jax.tree.flatten(params)
    keys = jax.random.split(key, len(leaves))

    def noised(x: jax.Array, k: jax.Array) -> jax.Array:
        return x + scale * jnp.sqrt(jnp.mean(x**2)) * jax.random.normal(k, x.shape, x.dtype)

    return jax.tree.unflatten(tree, [noised(x, k) for x, k in zip(leaves, keys, strict=True)])


def _measure(subject: Subject) -> dict[str, jax.Array]:
    assert subject.seen is not None
    s, episodes = subject.setting, max(subject.seen.mask.shape[1] // DRAWN, 1)
    key = fast(jax.random.fold_in(subject.key, 0))

    def earned(scale: float, k: jax.Array) -> jax.Array:
        noise_key, play_key = jax.random.split(k)
        policy = subject.policy._replace(params=beside(subject.policy.params, noise_key, scale))
        return counted(s.env, played(s.env, subject.params, s.agent, policy, play_key, episodes)).returns

    keys = jax.random.split(key, DRAWN)
    found = [jax.vmap(lambda k, scale=scale: earned(scale, jax.random.clone(k)))(keys).mean() for scale in SCALES]
    return {"noised_return": jnp.stack(found)}


probe = Probe(
    when="end",
    arrays={
        "noised_return": Array(
            ("noise",),
            "mean return with noise added to the parameters, of that share of their root mean square",
            "reward",
        )
    },
    measure=_measure,
    along={"noise": "how large the noise is, as a share of the root mean square of each array of parameters"},
    axes=lambda plan: {"noise": tuple(f"{scale:g}" for scale in SCALES)},
)
