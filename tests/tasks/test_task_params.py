import pytest
from pydantic import ValidationError
from tests.tasks.small_tasks import copying, counting, mqar, needle


@pytest.mark.parametrize(
    ("make", "changes", "message"),
    [
        (counting, {"warmup_steps": 2}, "must stay below steps and tune_steps"),
        (counting, {"modulus": 1}, "greater than or equal to 2"),
        (mqar, {"pairs": 5}, "at least 4 \\* pairs \\(20\\)"),
        (mqar, {"length": 17}, "must be even"),
        (mqar, {"vocabulary": 9}, "at least 2 \\* pairs \\+ 2 \\(10\\)"),
        (copying, {"copied": 9}, "at least 2 \\* copied"),
        (needle, {"needles": 5}, "at least 3 \\* needles \\+ 2"),
        (needle, {"vocabulary": 7}, "greater than or equal to 8"),
        (needle, {"needles": 4, "vocabulary": 9}, "must be at least 10"),
        (mqar, {"test_multiples": []}, "at least 1 item"),
    ],
)
def test_a_task_that_cannot_be_made_is_refused(make, changes, message):
    with pytest.raises(ValidationError, match=message):
        make(**changes)
