import pytest
from pydantic import ValidationError
from tests.evaluation.small_cell import CONTEXT, EARLY_EXIT, QUANTISE

from resnetbk.params.context import Context
from resnetbk.params.early_exit import EarlyExit
from resnetbk.params.quantise import Precision, Quantise


@pytest.mark.parametrize(
    "changes, fault",
    [
        ({"multiples": [1, 4, 2]}, "multiples must rise"),
        ({"multiples": [1, 1]}, "multiples must rise"),
        ({"multiples": [1, 3, 4]}, r"multiples must divide the last.*\[3\]"),
        ({"out_of_domain": ["sotu", "sotu"]}, "out_of_domain names one twice"),
        ({"gradient_spikes": {"factor": 1.0, "window": 3}}, "greater than 1"),
    ],
)
def test_context_refuses(changes, fault):
    Context.model_validate(CONTEXT)
    with pytest.raises(ValidationError, match=fault):
        Context.model_validate({**CONTEXT, **changes})


@pytest.mark.parametrize(
    "fields, fault",
    [
        ({"weights": 16, "group": 32}, "has no scale to share"),
        ({"weights": 12}, r"expected 16 \(bfloat16\) or 2 to 8 \(integers\); found 12"),
    ],
)
def test_precision_refuses(fields, fault):
    with pytest.raises(ValidationError, match=fault):
        Precision(**fields)


def test_precisions_have_names_of_their_own():
    precisions = [Precision(weights=16), Precision(weights=4, group=32, activations=8), Precision(weights=4)]
    assert [precision.name for precision in precisions] == ["w16", "w4_group32_a8", "w4"]
    with pytest.raises(ValidationError, match="precisions names one twice: w4, w4"):
        Quantise.model_validate({**QUANTISE, "precisions": [{"weights": 4}, {"weights": 4}]})


def test_confidences_rise():
    with pytest.raises(ValidationError, match="confidences must rise"):
        EarlyExit.model_validate({**EARLY_EXIT, "confidences": [0.5, 0.2]})
