"""`rewardlab watch`: the film of a scripted policy, and what is refused."""

from itertools import pairwise

import jax
import numpy as np
import pytest
from PIL import Image

from rewardlab import cli, envs
from rewardlab.envs.adapter import set_params
from rewardlab.terminal import play


def frames(path):
    with Image.open(path) as film:
        seen = []
        for t in range(film.n_frames):
            film.seek(t)
            seen.append(np.asarray(film.convert("RGB")))
        return seen


def test_the_film_shows_the_policy_from_the_first_state_to_the_last(tmp_path):
    """A lever one cell away: use is in the second step, and with it the register is lit and stays so."""
    path = tmp_path / "lever.gif"
    words = ["--agent", "tamperer", "--distance", "1", "--max-steps-in-episode", "2", "--seed", "3"]
    assert cli.main(["watch", "lever", "--out", str(path), *words]) == 0
    seen = frames(path)
    assert len(seen) == 3 and seen[0].shape == (24, 108, 3)
    columns = [set(np.flatnonzero((a[12:] != b[12:]).any((0, 2))) // 12) for a, b in pairwise(seen)]
    assert columns[0] == {0, 1} and (seen[1][:12] == seen[0][:12]).all() and (seen[2][:12] != seen[1][:12]).any()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lever", "--agent", "nobody"], "tamperer"),
        (["lever", "--payof", "2"], "payoff"),
        (["lever", "--payoff", "-1"], "0 to 1000"),
        (["lever", "--out", "film.png"], ".gif"),
        (["lever", "--seed", "-1"], "seed"),
        (["levr"], "lever"),
        (["CartPole-v1"], "lever"),
        ([], "WORLD"),
    ],
)
def test_bad_words_are_answered_in_one_line(words, said, capsys):
    assert cli.main(["watch", *words]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_a_world_is_played_from_the_keyboard():
    """A lever one cell to the right, to be used at once: two keys, then any other for the next episode, then q."""
    env = envs.make("lever")
    params = set_params(envs.params(env, distance=1, max_steps_in_episode=2), {})
    shown = []
    typed = iter(["x", "\x1b[C", " ", "\x1b[D", "q"])
    total = play.play(env, params, jax.random.key(3), typed, shown.append)
    told = [text.splitlines()[-1] for text in shown]
    assert len(shown) == 5 and next(typed, None) is None
    assert "→ right" in told[0] and "space use" in told[0]
    assert "step 0" in told[1] and "step 1" in told[2] and "over: " in told[3] and "episode 2  step 0" in told[4]
    earned = float(told[3].split("return ")[1].split()[0])
    assert total == earned > 0  # a lit register pays


def test_two_pixels_are_one_character_and_a_large_drawing_shrinks():
    frame = np.zeros((4, 2, 3), np.uint8)
    frame[0, 0], frame[1, 0] = (1, 2, 3), (4, 5, 6)
    lines = play.picture(frame, 80, 24).splitlines()
    assert len(lines) == 2 and lines[0].startswith("\x1b[38;2;1;2;3;48;2;4;5;6m▀") and lines[0].count("▀") == 2
    small = play.picture(np.zeros((300, 400, 3), np.uint8), 80, 24).splitlines()
    assert len(small) <= 24 and small[0].count("▀") <= 80


def test_every_action_has_a_key_of_its_own():
    for name in envs.names():
        actions = getattr(envs.make(name), "actions", ())
        assert set(play.bindings(tuple(actions)).values()) == set(range(len(actions))), name
        assert not set(play.bindings(tuple(actions))) & set(play.QUIT)


def test_playing_needs_a_terminal(capsys):
    assert cli.main(["watch", "lever", "--play"]) == 2
    assert "terminal" in capsys.readouterr().err
