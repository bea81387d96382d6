"""Every other experiment ends with a report: a half of them in a file, as a file is what one core takes."""

import pytest
import smoked


@pytest.mark.parametrize("name", smoked.half(1))
def test_an_experiment_ends_with_a_report(name, tmp_path, one_device):
    smoked.finishes(name, tmp_path)
