"""A world played from the keyboard, drawn in a terminal with half blocks: two pixels a character."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Callable, Iterator

import jax
import numpy as np

from rewardlab.envs import adapter
from rewardlab.envs.world import offers
from rewardlab.inputs.errors import InputError
from rewardlab.types import Box

QUIT = ("q", "\x03", "\x04", "")  # q, Ctrl-C, Ctrl-D, end of input
ARROWS = {"\x1b[A": "up", "\x1b[B": "down", "\x1b[C": "right", "\x1b[D": "left"}
OTHERS = {"stay": " ", "jump": "\x1b[A", "use": " "}  # names of actions that a key other than a number suggests
CLEAR = "\x1b[2J\x1b[H"


def bindings(actions: tuple[str, ...]) -> dict[str, int]:
    """{key: action}: the n-th action by its digit or letter, and by an arrow or the space bar where its name says so."""
    signs = "123456789abcdefghijklmnoprstuvwxyz"  # without q
    keys = {sign: i for i, sign in enumerate(signs[: len(actions)])}
    keys |= {key: actions.index(name) for name, key in OTHERS.items() if name in actions}
    return keys | {key: actions.index(name) for key, name in ARROWS.items() if name in actions}


def legend(actions: tuple[str, ...]) -> str:
    """One line that says which key does what."""
    shown = {"\x1b[A": "↑", "\x1b[B": "↓", "\x1b[C": "→", "\x1b[D": "←", " ": "space"}
    keys = bindings(actions)
    said = [f"{'/'.join(shown.get(k, k) for k, i in keys.items() if i == a)} {name}" for a, name in enumerate(actions)]
    return "  ".join([*said, "q quit"])


def picture(frame: np.ndarray, columns: int, rows: int) -> str:
    """A drawing uint8[H, W, 3] as lines of half blocks in 24-bit colour, shrunk to fit `columns` × `rows` characters."""
    height, width, _ = frame.shape
    stride = max(1, -(-width // max(columns, 1)), -(-height // (2 * max(rows, 1))))
    small = frame[stride // 2 :: stride, stride // 2 :: stride]
    if len(small) % 2:
        small = np.concatenate([small, np.zeros_like(small[:1])])
    cells = [
        "".join(f"\x1b[38;2;{r};{g};{b};48;2;{R};{G};{B}m▀" for (r, g, b), (R, G, B) in zip(top, bottom, strict=True))
        for top, bottom in zip(small[::2].tolist(), small[1::2].tolist(), strict=True)
    ]
    return "\n".join(f"{line}\x1b[0m" for line in cells)


def play(env, params, key: jax.Array, keys: Iterator[str], show: Callable[[str], object]) -> float:
    """Plays episodes until a key of QUIT. Returns the sum of all rewards. Consumes the key.

    keys: what is typed, one key at a time. show: writes text. Raises InputError for a world that draws nothing, or whose
    actions are continuous.
    """
    if not offers(env, "render_rgb"):
        raise InputError("this world has no drawing; allowed: a world with render_rgb(state, params)")
    if isinstance(adapter.actions(env), Box):
        raise InputError("this world's actions are continuous, which no keys stand for; allowed: discrete actions")
    names = adapter.action_names(env)
    actions, outcomes = bindings(names), adapter.outcomes(env)
    reset = jax.jit(lambda key: adapter.reset(env, key, params)[1])
    step = jax.jit(lambda key, state, action: adapter.step(env, key, state, action, params))
    draw = jax.jit(lambda state: env.render_rgb(state, params))
    total, episode = 0.0, 0
    while True:
        episode_key = jax.random.fold_in(key, episode)
        state, earned, t, ended = reset(episode_key), 0.0, 0, ""
        while True:
            size = shutil.get_terminal_size()
            told = f"episode {episode + 1}  step {t}  return {earned:g}  {ended or legend(names)}"
            show(f"{CLEAR}{picture(np.asarray(draw(state)), size.columns, size.lines - 3)}\n{told}\n")
            pressed = next(keys, "")
            if pressed in QUIT:
                return total
            if ended:
                break
            if pressed in actions:
                t += 1
                stepped = step(jax.random.fold_in(episode_key, t), state, np.int32(actions[pressed]))
                state, reward = stepped.state, float(stepped.signals["reward"])
                earned, total = earned + reward, total + reward
                if stepped.terminated or stepped.truncated:
                    how = int(stepped.signals.get("outcome", 0 if stepped.terminated else 1))
                    ended = f"over: {outcomes[how]}. Any key starts another, q quits"
        episode += 1


@contextlib.contextmanager
def keyboard():
    """The terminal's keys, one at a time and unbuffered; arrows as their escape sequences. Raises InputError without a terminal."""
    try:
        import termios
        import tty
    except ImportError as error:  # not on Windows
        raise InputError("--play needs a Unix terminal") from error
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InputError("--play needs a terminal; without it, a film is written")
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def keys():
        while True:
            sign = sys.stdin.read(1)
            yield sign + sys.stdin.read(2) if sign == "\x1b" else sign

    tty.setcbreak(descriptor)
    try:
        yield keys()
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
