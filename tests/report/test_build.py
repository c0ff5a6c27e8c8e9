"""The report is a function of the measured files: the same bytes anywhere, other bytes when a number moves."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import pytest

from resnetbk.errors import UserError
from resnetbk.report.build import build_report

PROGRAM = """
import hashlib, json, sys
from pathlib import Path
from resnetbk.params import Params
from resnetbk.report.build import build_report
params = Params.model_validate_json(Path("params.json").read_text())
print(json.dumps({k: hashlib.sha256(v).hexdigest() for k, v in build_report(params).items()}))
"""


def page(built: dict[str, bytes]) -> str:
    return built["report/index.html"].decode()


class Elements(HTMLParser):
    """Collects elements, ids and what follows from them; refuses a tag that is never closed."""

    VOID = ("meta", "br", "link", "img")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict]] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"{tag} closes something else"

    def named(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.found if name == tag]


def test_bytes_are_the_same_in_another_process_place_and_setting(root: Path, params, built):
    (root / "params.json").write_text(params.model_dump_json())
    # what a reader may have: other hash seed, other locale, other Matplotlib style
    (root / "matplotlibrc").write_text(
        "font.size: 20\nsvg.fonttype: path\naxes.facecolor: red\nlines.linewidth: 9\n"
    )
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "12345",
        "LC_ALL": "C",
        "TZ": "Asia/Tokyo",
        "OMP_NUM_THREADS": "1",
    }
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=root, env=environment, capture_output=True, text=True, check=True
    )
    assert json.loads(result.stdout) == {k: hashlib.sha256(v).hexdigest() for k, v in built.items()}


def test_no_date_version_or_place_gets_into_the_bytes(built, measured: Path):
    for content in built.values():
        text = content.decode()
        assert str(measured) not in text and "atplotlib" not in text.replace("matplotlib.axis", "")
        assert not re.search(r"\b20\d\d-\d\d-\d\d", text)


def test_svg_files_are_well_formed_described_and_transparent(built):
    for name, content in built.items():
        if name.endswith(".svg"):
            svg = ElementTree.fromstring(content)
            assert svg.get("role") == "img" and len(svg.get("aria-label")) > 100
            assert svg[0].tag.endswith("title") and svg[0].text
            background = svg.find(".//*[@id='patch_1']/*")
            assert "fill: none" in background.get("style")


def test_page_is_well_formed_and_every_id_is_used_once(built):
    elements = Elements(page(built))
    ids = [attributes["id"] for _, attributes in elements.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = re.findall(r'(?:href="|url\()#([^")]+)', page(built))
    targets += [
        attributes["aria-labelledby"] for _, attributes in elements.found if "aria-labelledby" in attributes
    ]
    assert targets and set(targets) <= set(ids)


def test_page_needs_nothing_beside_it(built):
    elements = Elements(page(built))
    assert not [tag for tag, _ in elements.found if tag in ("script", "link", "img", "iframe", "base", "object")]
    references = [a[key] for _, a in elements.found for key in ("src", "href", "xlink:href", "srcset") if key in a]
    assert {reference for reference in references if not reference.startswith("#")} == {"benchmark.html"}  # a link
    assert not re.search(r"https?:|@import|url\((?!#)", page(built))


def test_every_figure_has_its_alternative_text_and_numbers_and_every_table_its_caption_and_scopes(built):
    elements, text = Elements(page(built)), page(built)
    svgs = elements.named("svg")
    assert len(svgs) == len(elements.named("figure")) == 3
    assert all(svg["role"] == "img" and len(svg["aria-label"]) > 100 for svg in svgs)
    assert all("<details>" in part and "<table>" in part for part in re.findall(r"(?s)<figure.*?</figure>", text))
    assert len(elements.named("table")) == len(elements.named("caption")) >= 9
    assert all(heading["scope"] in ("col", "row") for heading in elements.named("th"))


def test_page_gives_the_numbers_and_words_of_the_measured_files(built, measured: Path):
    text = page(built)
    comparison = json.loads((measured / "metrics/comparison.json").read_text())
    scores = re.search(r'(?s)id="scores-caption".*?</table>', text).group()
    for name, score in {**comparison["models"], **comparison["ngrams"]}.items():
        row = re.search(rf"(?s)scope=\"row\">[^\n]*{name}</th>(.*?)</tr>", scores).group(1)
        assert f">{score['loss']:.4f}" in row
        assert f">{score['perplexity']:.2f}<" in row
        assert f">{score['bits_per_byte']:.4f}<" in row
    for pair in comparison["comparisons"]:
        low, high = (f"{end:+.4f}".replace("-", "−") for end in pair["confidence_interval"])  # noqa: RUF001
        assert f"{low} to {high}" in text
    assert comparison["summary"] in text
    assert "Not below the bigram baseline: transformer" in text
    assert "CC BY-SA" in text and "700,000" in text and "causality of mamba holds" in text


@pytest.mark.parametrize(
    ("path", "change", "moved"),
    [
        (
            "metrics/comparison.json",
            lambda d: d["models"]["mamba"].update(perplexity=99.125),
            {"report/index.html"},
        ),
        (
            "metrics/comparison.json",
            lambda d: d["comparisons"][0].update(difference=-0.01),
            {"plots/comparison.svg", "report/index.html"},
        ),
        (
            "metrics/evaluate/mamba-1.json",
            lambda d: d["loss_by_position"][3].update(loss=4.5),
            {"plots/loss_by_position.svg", "plots/loss_by_position.csv", "report/index.html"},
        ),
        (
            "metrics/audit/mamba.json",
            lambda d: d["checks"]["alignment"].update(detail="so"),
            {"report/index.html"},
        ),
        ("data/corpus/card.json", lambda d: d.update(licence="none"), {"report/index.html"}),
    ],
)
def test_a_changed_number_shows_where_it_belongs_and_nowhere_else(root, params, built, edit, path, change, moved):
    edit(path, change)
    again = build_report(params, root)
    assert {name for name in built if built[name] != again[name]} == moved


def test_smoothing_concerns_the_training_loss_alone(root: Path, params, built):
    other = params.model_copy(update={"plot": params.plot.model_copy(update={"curve_smoothing": 1})})
    again = build_report(other, root)
    assert {name for name in built if built[name] != again[name]} == {
        "plots/learning_curves.svg",
        "report/index.html",
    }


def test_tidy_data_holds_the_mean_over_seeds_in_full_precision(built):
    lines = built["plots/learning_curves.csv"].decode().splitlines()
    assert lines[0] == "step,tokens,validation_loss,model"
    assert len(lines) == 1 + 4 * 6
    step, tokens, loss, model = lines[6].split(",")
    assert (step, tokens, model) == ("600", "614400", "resnet_bk")
    assert float(loss) == pytest.approx(4.05 + 3.4 * 60 / 660 - 0.3 + 0.02, abs=1e-12)


def test_names_and_sentences_are_escaped(root: Path, params, edit):
    edit("metrics/comparison.json", lambda d: d.update(summary="<script>alert('&')</script>"))
    edit("metrics/audit/mamba.json", lambda d: d["checks"].update({"<b>": d["checks"].pop("alignment")}))
    text = page(build_report(params, root))
    assert "<script>" not in text and "&lt;script&gt;" in text and "&lt;b&gt;" in text


def test_a_hostile_model_name_is_escaped_in_page_and_figures(root: Path, params):
    name = '<i>"$x$&'
    for file in [*root.glob("metrics/**/*mamba*"), root / "metrics/comparison.json"]:
        text = file.read_text().replace('"mamba"', json.dumps(name))
        file.unlink()
        (file.parent / file.name.replace("mamba", name)).write_text(text)
    models = [name if model == "mamba" else model for model in params.run.models]
    built = build_report(params.model_copy(update={"run": params.run.model_copy(update={"models": models})}), root)
    assert "<i>" not in page(built) and "&lt;i&gt;" in page(built)
    Elements(page(built))
    labels = [e.text for e in ElementTree.fromstring(built["plots/learning_curves.svg"]).iter() if e.text]
    assert name in labels


def test_verdicts_other_than_a_winner_are_put_in_words(root: Path, params, edit):
    def change(document):
        document["comparisons"][0].update(verdict="not comparable: audit of mamba failed")
        document["comparisons"][3].update(note="2 seeds; a verdict needs 3")

    edit("metrics/comparison.json", change)
    text = re.sub(r"<[^>]*>|\s+", " ", page(build_report(params, root)))
    assert ": not comparable: audit of mamba failed" in text
    assert ": undecided (2 seeds; a verdict needs 3)" in text


def test_one_model_and_one_seed_still_make_a_report(root: Path, params, edit):
    def change(document):
        document.update(comparisons=[], seeds=[0], models={"mamba": document["models"]["mamba"]})
        document["models"]["mamba"]["loss_by_seed"] = [4.12]

    edit("metrics/comparison.json", change)
    run = params.run.model_copy(update={"models": ["mamba"], "seeds": [0]})
    built = build_report(params.model_copy(update={"run": run}), root)
    assert "nothing to compare" in built["plots/comparison.svg"].decode()
    assert "Every model is below the bigram baseline" in page(built)
    assert "With one seed an interval covers documents alone" in page(built)


def test_a_missing_file_is_named_with_its_stage(root: Path, params):
    (root / "metrics/audit/mamba.json").unlink()
    with pytest.raises(UserError, match=r"metrics/audit/mamba\.json: not found; the stage 'audit'"):
        build_report(params, root)
