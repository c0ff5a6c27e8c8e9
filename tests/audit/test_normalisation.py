import torch

from resnetbk.audit.normalisation import check_normalisation
from resnetbk.training.loss import next_token_loss


def check(model, tokens_BL, vocabulary_size, loss=next_token_loss):
    return check_normalisation(model, tokens_BL, loss, vocabulary_size=vocabulary_size)


def test_logits_of_a_sound_model_pass(running_mean, tokens_BL, vocabulary_size):
    outcome = check(running_mean(), tokens_BL, vocabulary_size)
    assert outcome.passed
    assert max(outcome.measured["softmax_error"], outcome.measured["loss_error"]) < 1e-12


def test_nan_is_located(running_mean, tokens_BL, vocabulary_size):
    class Broken(running_mean):
        def pool(self, x_BLD):
            x_BLD = super().pool(x_BLD).clone()
            x_BLD[1, 17:] = float("nan")
            return x_BLD

    outcome = check(Broken(), tokens_BL, vocabulary_size)
    assert not outcome.passed
    assert outcome.measured == {"non_finite_positions": 23, "first_position": 17}
    assert "row 1" in outcome.detail


def test_logits_beyond_the_vocabulary_fail(running_mean, tokens_BL, vocabulary_size):
    outcome = check(running_mean(vocabulary_size + 1), tokens_BL, vocabulary_size)
    assert not outcome.passed and "expected (2, 40, 23)" in outcome.detail


def test_loss_of_no_probability_fails(running_mean, tokens_BL, vocabulary_size):
    def smoothed(logits_BLV, labels_BL):
        return torch.nn.functional.cross_entropy(
            logits_BLV.flatten(0, 1), labels_BL.flatten(), label_smoothing=0.1
        )

    def over_half_the_vocabulary(logits_BLV, labels_BL):
        kept_BLV = logits_BLV[..., : vocabulary_size // 2]
        return kept_BLV.logsumexp(-1).mean() - logits_BLV.gather(-1, labels_BL.unsqueeze(-1)).mean()

    for loss in (smoothed, over_half_the_vocabulary):
        outcome = check(running_mean(), tokens_BL, vocabulary_size, loss)
        assert not outcome.passed and outcome.measured["loss_error"] > 1e-3
