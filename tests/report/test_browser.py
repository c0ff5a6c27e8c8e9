"""The page in a real browser: on a phone and a desk, light and dark, printed, with and without its script."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.report.chromium import skip_without_chromium
from tests.report.elements import page

from resnetbk.benchmark.browser import find_chromium, open_browser
from resnetbk.errors import UserError

PHONE, DESK, PAPER = (
    {"width": 360, "height": 740},
    {"width": 1280, "height": 900},
    {"width": 718, "height": 1000},  # A4 between its margins, at 96 pixels an inch
)
WIDE = "<p style='width: 700px'>wide</p>"
FAINT = "<p style='color: #8a8a8a; background: #777'>faint</p>"
# The texts whose contrast with what lies behind them is below 4.5:1, by WCAG 2.1's relative luminance.
CONTRASTS = """() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = (rgb) => rgb.slice(0, 3).map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    .reduce((sum, value, place) => sum + value * [0.2126, 0.7152, 0.0722][place], 0);
  const ground = (element) => {
    const found = channels(getComputedStyle(element).backgroundColor);
    return found[3] === 0 ? ground(element.parentElement) : found;
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const faint = [];
  while (walker.nextNode()) {
    const text = walker.currentNode, element = text.parentElement;
    if (!text.data.trim() || element.closest("svg, script") || !element.checkVisibility()) continue;
    const [low, high] = [channels(getComputedStyle(element).color), ground(element)]
      .map(luminance).sort((a, b) => a - b);
    if ((high + 0.05) / (low + 0.05) < 4.5 && !element.matches(".glyph")) faint.push(text.data);
  }
  return faint;
}"""
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]


@pytest.fixture(scope="module")
def browser() -> Iterator:
    skip_without_chromium()
    with open_browser() as found:
        yield found


@pytest.fixture(scope="module")
def report(built: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_bytes(built["report/index.html"])
    return path


@pytest.fixture
def opened(browser, report: Path) -> Iterator[Callable]:
    """Return a function that opens the page: `opened(extra, **context)`, `extra` being HTML put before its end."""
    contexts = []

    def load(extra: str = "", **settings):
        settings = {"viewport": DESK, **settings}
        contexts.append(browser.new_context(**settings))
        found = contexts[-1].new_page()
        path = report
        if extra:
            path = report.with_name(f"extra-{len(contexts)}.html")
            path.write_text(report.read_text(encoding="utf-8").replace("</main>", f"{extra}</main>"))
        found.goto(path.as_uri())
        return found

    yield load
    for context in contexts:
        context.close()


def overflow(found) -> int:
    """Return by how many pixels the page is wider than its window, all of it laid out."""
    found.add_style_tag(content="main > section { content-visibility: visible }")
    return found.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def test_nothing_scrolls_sideways_on_a_phone(opened):
    assert overflow(opened(viewport=PHONE)) == 0
    assert overflow(opened(WIDE, viewport=PHONE)) > 0  # the control


def test_it_asks_for_nothing_and_its_policy_stops_nothing_of_its_own(browser, report):
    context = browser.new_context(offline=True)
    found = context.new_page()
    asked, said = [], []
    found.on("request", lambda request: asked.append(request.url))
    found.on("console", lambda message: said.append(message.text))
    found.goto(report.as_uri())
    assert asked == [report.as_uri()] and said == []
    with found.expect_console_message(lambda message: "Content Security Policy" in message.text):  # the control
        found.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=\"https://x.invalid/a.png\">')")
    context.close()


def test_a_click_on_a_number_shows_its_stage_file_hash_and_command(opened, built):
    found = opened()
    row = re.search(r'(?s)data-stage="compare">.*?<th scope="row">(.*?)</th>.*?<code>(.*?)</code>', page(built))
    number = found.locator("#score-1 a.from").first
    number.click()
    words = found.locator("#panel").inner_text()
    for part in (*row.groups(), "models.resnet_bk", "dvc repro --force compare"):
        assert part in words
    assert words.startswith(number.inner_text().split("\n")[0])
    found.keyboard.press("Escape")
    assert found.locator("#panel").is_hidden()
    assert found.evaluate("document.activeElement.textContent") == number.text_content()
    found.locator("#loss_by_position summary").click()
    found.locator("#loss_by_position td a.from").nth(2).click()
    commands = found.locator("#panel code").all_inner_texts()[1::2]
    assert commands == [f"dvc repro --force evaluate@mamba-{seed}" for seed in (0, 1, 2)]
    box, width = found.locator("#panel").bounding_box(), DESK["width"]
    assert box["x"] >= 0 and box["x"] + box["width"] <= width


def test_a_keyboard_reaches_every_number_in_few_steps(opened):
    found = opened()
    tables = found.locator("main table").count()
    inside = found.evaluate("[...document.querySelectorAll('tbody a.from')].filter(a => a.tabIndex === 0).length")
    assert 0 < inside <= tables
    found.locator("#score-1 a.from").first.focus()
    for key, expected in (("ArrowRight", "Perplexity"), ("ArrowDown", "Perplexity"), ("ArrowLeft", "Loss")):
        found.keyboard.press(key)
        at = found.evaluate("(a => [a.closest('tr').id, a.closest('td').dataset.label])(document.activeElement)")
        assert at[1] == expected
    assert at[0] == "score-2"
    found.keyboard.press("Enter")
    assert "models.exponential_gate" in found.locator("#panel").inner_text()


def test_without_its_script_a_number_leads_to_the_row_of_its_file(opened):
    found = opened(java_script_enabled=False, viewport=PHONE)
    found.locator("#score-1 a.from").first.click()
    anchor = found.url.partition("#")[2]
    target = found.locator(f"#{anchor}")
    assert "metrics/comparison.json" in target.inner_text()
    assert -1 < target.bounding_box()["y"] < PHONE["height"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_their_ground(opened, scheme):
    found = opened(FAINT, color_scheme=scheme)
    assert found.evaluate(CONTRASTS) == ["faint"]  # the control, and it alone
    ground = found.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground))) > 3 * 128) == (scheme == "light")


def test_it_prints_whole_on_white(opened):
    found = opened(viewport=PAPER, color_scheme="dark")
    found.emulate_media(media="print")
    assert overflow(found) == 0
    assert found.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert found.locator("nav").is_hidden() and found.locator("#origins").is_visible()
    cut = found.evaluate(
        "[...document.querySelectorAll('table, svg')]"
        ".filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.caption?.textContent)"
    )
    assert cut == []
    assert found.pdf(format="A4").startswith(b"%PDF")


@pytest.mark.nightly
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_axe_finds_no_fault(browser, whole, tmp_path, scheme, size):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    path = tmp_path / "index.html"
    path.write_bytes(whole.built["report/index.html"])
    context = browser.new_context(viewport=size, color_scheme=scheme)
    found = context.new_page()
    found.goto(path.as_uri())
    found.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
    assert overflow(found) == 0
    found.locator("#score-1 a.from").first.click()
    result = axe.run(found, options={"runOnly": {"type": "tag", "values": AXE_TAGS}}).response
    faults = [(fault["id"], [node["html"][:120] for node in fault["nodes"][:3]]) for fault in result["violations"]]
    assert not faults
    context.close()


def test_without_a_chromium_it_says_how_to_get_one(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"no Chromium on PATH .*apt-get install chromium"):
        find_chromium()
