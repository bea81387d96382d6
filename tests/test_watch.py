"""`rewardlab watch`: the film of a scripted policy, and what is refused."""

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from rewardlab import cli


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
