"""The page says what the files say, in words and links that lead somewhere, and escapes what it quotes."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from tests.comparison.conftest import Experiment
from tests.report.conftest import change_params
from tests.report.elements import Elements, page, plain

from resnetbk.comparison.outcome import compare
from resnetbk.report.build import build_report
from resnetbk.report.numbers import probability


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
    assert not [tag for tag, _ in elements.found if tag in ("link", "img", "iframe", "base", "object")]
    references = [a[key] for _, a in elements.found for key in ("src", "href", "xlink:href", "srcset") if key in a]
    assert {reference for reference in references if not reference.startswith("#")} == {"benchmark.html"}  # a link
    assert not re.search(r"https?:|@import|url\((?!#)", page(built))


def test_the_policy_lets_no_script_run_but_the_page_s_own(built):
    scripts = re.findall(r"(?s)<script>(.*?)</script>", page(built))
    assert len(scripts) == page(built).count("<script") == 1
    policy = next(a["content"] for a in Elements(page(built)).named("meta") if "http-equiv" in a)
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert policy.startswith("default-src 'none';") and f"script-src 'sha256-{digest}';" in policy


def test_every_figure_has_its_alternative_text_and_numbers_and_every_table_its_caption_and_scopes(built):
    elements, text = Elements(page(built)), page(built)
    svgs = elements.named("svg")
    assert len(svgs) == len(elements.named("figure")) == 5
    assert all(svg["role"] == "img" and len(svg["aria-label"]) > 100 for svg in svgs)
    assert all("<table>" in part for part in re.findall(r"(?s)<figure.*?</figure>", text))
    assert len(elements.named("table")) == len(elements.named("caption")) >= 9
    assert all(heading["scope"] in ("col", "row") for heading in elements.named("th"))


def test_page_gives_the_numbers_and_words_of_the_measured_files(built, measured: Path):
    text = plain(built)
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
    for claim in comparison["claims"]:
        assert html.escape(claim["words"], quote=False).replace("'", "&#39;").replace('"', "&#34;") in text
    assert "CC BY-SA" in text and "700,000" in text and "causality of mamba holds" in text


def test_every_number_of_a_table_is_the_file_s(root: Path, params, built, edit):
    def change(document):
        document["plan"].update(exploratory=None)
        document["claims"][-1].update(words="Said otherwise.")
        document["models"]["mamba"].update(perplexity=99.125)
        document["models"]["mamba"]["ledger"][1].update(peak_memory_bytes=987_654_321)
        document["models"]["transformer"]["ledger"][2].update(data_order="f" * 64)
        document["tolerances"].update(flops=0.125)
        document["comparisons"][1].update(bootstrap_interval=[-0.9876, 0.9876], excess_p_value_corrected=0.00713)
        document["comparisons"][2]["power"].update(difference_seeds_needed=917, equivalence=0.123)
        document["comparisons"][3].update(verdict="not comparable: audit of mamba failed")
        document["hypotheses"][0].update(answer="refuted")
        document["attribution"][0]["parts"][0].update(confidence_interval=[-0.7654, 0.7654])
        document["views"]["state_size"]["models"]["mamba"].update(surpassed_by=["transformer"])
        document["views"]["seconds"].update(not_measured="nobody had a watch")

    edit("metrics/comparison.json", change)
    edit("metrics/audit/mamba.json", lambda d: d["checks"]["alignment"].update(detail="as it should"))
    edit("data/corpus/card.json", lambda d: d.update(licence="none at all"))
    again = build_report(params, root)
    text = plain(again)
    for words in (
        "was fixed before the training",
        "Said otherwise.",
        ">99.12<",
        "50,000,000 to 987,654,321",
        ">differs<",
        ">12.5\N{NO-BREAK SPACE}%<",
        "−0.9876 to +0.9876",  # noqa: RUF001
        ">0.0071<",
        ">917<",
        ">0.12<",
        "<strong>transformer and mamba</strong>: audit of mamba failed",
        ">refuted<",
        "−0.7654 to +0.7654",  # noqa: RUF001
        "Matched on seconds: nobody had a watch.",
        "as it should",
        "none at all",
    ):
        assert words in text and words not in plain(built), words
    assert '<strong class="bad">Exploratory.</strong>' in plain(built)  # the hypotheses came after the plan
    assert '<strong class="bad">Exploratory.</strong>' not in text
    moved = {name for name in built if built[name] != again[name]}
    # the figure and its points name the verdict
    assert moved == {"plots/comparison.svg", "plots/comparison.csv", "report/index.html"}


def test_every_claim_leads_to_the_row_of_its_test(built, compared: str):
    text, comparison = plain(built), json.loads(compared)
    verdict = re.search(r'(?s)<ul class="verdict">(.*?)</ul>', text).group(1)
    marks = re.findall(r'href="#([^"]+)" aria-label="([^"]+)"', verdict)
    assert verdict.count('class="mark"') == len(marks) >= len(comparison["claims"])
    for number, pair in enumerate(comparison["comparisons"], start=1):
        row = re.search(rf'(?s)<tr id="test-{number}">.*?</tr>', text).group()
        assert pair["model"] in row and pair["against"] in row
        assert f">{probability(pair['p_value_corrected'])}<".replace("< ", "&lt; ") in row
        assert (f"test-{number}", f"test of {pair['model']} − {pair['against']}") in marks  # noqa: RUF001
    assert {anchor for anchor, _ in marks} >= {"hypothesis-1", "hypothesis-3", "plan", "score-7"}
    assert re.search(r'<tr id="score-7"><th scope="row">bigram', text)
    assert verdict.index("lower holds") < verdict.index("resnet_bk wins against")  # the plan's answers first
    assert text.index(verdict) < text.index("<table>") and verdict.count("<strong>") == 3


def test_tuning_shows_the_choice_the_edge_and_what_diverged(built):
    text, figure = plain(built), built["plots/learning_rates.svg"].decode()
    trials = re.search(r'(?s)id="learning_rates1-caption".*?</table>', text).group()
    assert trials.count(">diverged at step 41<") == 2 and trials.count(">chosen<") == 4
    assert trials.count(">chosen, at the edge<") == 1
    assert "mamba_normed was best with the lowest\nlearning rate that was tried, 0.002" in text
    assert figure.count("at the edge<") == 1 and "transformer: 2 of 6 trials diverged" in figure
    rows = built["plots/learning_rates.csv"].decode().splitlines()
    assert rows[0] == "learning_rate,weight_decay,validation_loss,model" and len(rows) == 1 + 5 * 6
    assert rows[-1] == "0.018,0.1,,transformer"  # nothing is drawn where there is no loss


def test_names_and_sentences_are_escaped(root: Path, params):
    """A model may have any name that a file may have."""
    name = '<i>"$x$&'
    files = [
        *root.glob("metrics/**/*mamba-*"),
        root / "metrics/audit/mamba.json",
        root / "metrics/comparison.json",
    ]
    for file in [*files, *root.glob("metrics/tune/mamba/*")]:
        text = file.read_text().replace('"mamba"', json.dumps(name))
        file.unlink()
        renamed = root / file.relative_to(root).as_posix().replace("mamba", name)
        renamed.parent.mkdir(parents=True, exist_ok=True)
        renamed.write_text(text)
    comparison = json.loads((root / "metrics/comparison.json").read_text())
    comparison["claims"][0]["words"] = "<script>alert('&')</script>"
    (root / "metrics/comparison.json").write_text(json.dumps(comparison))
    models = [name if model == "mamba" else model for model in params.run.models]
    built = build_report(change_params(params, run={"models": models}), root)
    text = plain(built)
    assert "<i>" not in text and "&lt;i&gt;" in text
    assert text.count("<script>") == 1 and "&lt;script&gt;" in text
    Elements(text)
    labels = [e.text for e in ElementTree.fromstring(built["plots/learning_curves.svg"]).iter() if e.text]
    assert name in labels


@pytest.mark.parametrize("effects", [{"mamba": 0.0}, {"resnet_bk": 0.1, "mamba": 0.0}])
def test_one_model_and_one_seed_still_make_a_report(root: Path, params, tmp_path: Path, effects):
    (tmp_path / "experiment").mkdir()
    experiment = Experiment(tmp_path / "experiment", seeds=1, effects=effects)
    (root / "metrics/comparison.json").write_text(json.dumps(compare(experiment.params, experiment.root)))
    for path in root.glob("metrics/tune/*/*.json"):
        if path.stem != "0.006":
            path.unlink()
    one = change_params(params, run={"models": list(effects), "seeds": [0]}, tune={"learning_rates": [0.006]})
    built = build_report(one, root)
    assert "One learning rate was tried" in plain(built)
    assert ("nothing to compare" in built["plots/comparison.svg"].decode()) == (len(effects) == 1)
    assert "With one seed an interval covers documents alone" in plain(built)
    assert "so there is no power to give" in plain(built)
    assert ("cannot be split" in plain(built)) == (len(effects) == 2)
