"""A page is timed to the answer of a click; one that does not answer is no measurement."""

import pytest
from tests.report.chromium import skip_without_chromium

from resnetbk.benchmark.report_page import TARGETS, page_figures, time_report
from resnetbk.errors import UserError

ANSWERS = """<main><a class="from" href="#x">1</a></main><div id="panel" popover>here</div>
<script>
document.querySelector("a").onclick = () => {
  for (const end = performance.now() + WAIT; performance.now() < end;);
  document.querySelector("#panel").showPopover();
};
</script>"""


@pytest.fixture(scope="module", autouse=True)
def _chromium():
    skip_without_chromium()


def test_a_page_that_answers_late_is_timed_as_late(tmp_path):
    path = tmp_path / "index.html"
    path.write_text(ANSWERS.replace("WAIT", "300"))
    details = time_report(path, rounds=1)
    figures = page_figures(details)
    assert figures["report_bytes"] == path.stat().st_size
    assert figures.keys() == TARGETS.keys()
    assert all(seconds > 0.3 for seconds in figures["report_interactive_seconds"].values())
    assert details["seconds"]["desk"]["repeats"] == 1 and details["browser"]


def test_a_page_that_shows_nothing_is_refused(tmp_path):
    path = tmp_path / "index.html"
    path.write_text('<main><a class="from" href="#x">1</a></main>')
    with pytest.raises(Exception, match="a click shows nothing"):
        time_report(path, rounds=1)


def test_no_report_is_said(tmp_path):
    with pytest.raises(UserError, match="not found; the stage 'plot' makes it"):
        time_report(tmp_path / "index.html")
