import pytest

from resnetbk.evaluation.spikes import gradient_spikes


def history(norms):
    return [{"step": 10 * (place + 1), "loss": 2.0, "gradient_norm": norm} for place, norm in enumerate(norms)]


def test_a_planted_spike_is_found_and_calm_training_has_none():
    calm = [1.0, 1.5, 0.7, 1.2, 1.4, 0.9, 1.3, 1.1]
    found = gradient_spikes(history(calm), factor=3.0, window=4)
    assert found["spikes"] == [] and (found["steps_logged"], found["steps_judged"]) == (8, 4)
    planted = [*calm[:6], 4.0, *calm[6:]]
    assert gradient_spikes(history(planted), factor=3.0, window=4)["spikes"] == [
        {"step": 70, "gradient_norm": 4.0, "median": pytest.approx(1.05)}
    ]


def test_a_spike_does_not_hide_the_next_one_and_the_bound_is_strict():
    norms = [1.0, 1.0, 1.0, 3.1, 3.1, 3.0]
    assert [row["step"] for row in gradient_spikes(history(norms), factor=3.0, window=3)["spikes"]] == [40, 50]


def test_rows_of_validation_do_not_count_and_short_histories_judge_nothing():
    rows = [*history([1.0, 9.0]), {"step": 20, "validation_loss": 2.0}]
    found = gradient_spikes(rows, factor=2.0, window=5)
    assert (found["steps_logged"], found["steps_judged"], found["spikes"]) == (2, 0, [])
