"""No password and no token is in what is sent, printed or kept."""

import pytest

from resnetbk.tracking.secrets import without_secrets


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("http://me:pa55word@host/x", "http://host/x"),
        ("see https://tok3n@host, or so", "see https://host, or so"),
        ("https://host/a?sv=1&access_token=abc&x=2", "https://host/a?sv=1&access_token=[removed]&x=2"),
        ("https://host/a?X-Amz-Signature=abc", "https://host/a?X-Amz-Signature=[removed]"),
        ("nothing to hide: a@b.example ?token", "nothing to hide: a@b.example ?token"),
    ],
)
def test_urls(text, clean):
    assert without_secrets(text) == clean


@pytest.mark.parametrize(
    "name", ["MLFLOW_TRACKING_PASSWORD", "WANDB_API_KEY", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY"]
)
def test_variables_whose_names_say_that_they_are_secret(monkeypatch, name):
    monkeypatch.setenv(name, "pa55word")
    assert without_secrets("it says pa55word") == f"it says [{name}]"


def test_other_variables_and_short_values_are_left_alone(monkeypatch):
    monkeypatch.setenv("HARMLESS", "mamba-0")
    monkeypatch.setenv("A_TOKEN", "the")
    assert without_secrets("the mamba-0") == "the mamba-0"
