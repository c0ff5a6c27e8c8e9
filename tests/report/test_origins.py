"""Every number of the page leads to the file that it came from, and what stands there of the file is true."""

from __future__ import annotations

import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
from tests.report.elements import page

from resnetbk.report.build import build_report
from resnetbk.report.linking import Linking
from resnetbk.report.origins import Origin, Source
from resnetbk.repro.files import sha256_json

# No results: what names a thing (a test, a hash, a file, a command, a level), and what draws a figure.
NO_NUMBERS = ("style", "script", "svg", "title", "code", "h1", "h2", "h3", "pre", "nav")
NAMES = re.compile(r"mamba2|gpt2|x86-64|AVX2|SHA-?256|sha256\w*|\bH\d\b")


class Numbers(HTMLParser):
    """Collects the links of numbers with their texts, and the texts with digits that stand in no link."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[tuple[str, dict]] = []
        self.links: list[tuple[str, str | None, str]] = []
        self.unlinked: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "br", "link", "img"):
            self.open.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        self.open.pop()

    def handle_data(self, data):
        link = next((found for tag, found in self.open if tag == "a"), None)
        if link is not None and link.get("class") == "from":
            self.links.append((link["href"].removeprefix("#"), link.get("data-key"), data))
        elif link is None and re.search(r"\d", data) and not self.inside_of_a_name():
            self.unlinked.append(data)

    def inside_of_a_name(self) -> bool:
        classes = {found.get("class") for _, found in self.open}
        scopes = {found.get("scope") for _, found in self.open}
        return any(tag in NO_NUMBERS for tag, _ in self.open) or "origins" in classes or "row" in scopes


def origins(text: str) -> dict[str, list[tuple[str, str, str, str]]]:
    """Return by id the files of each source: stage, path, SHA-256, command."""
    found = {}
    for anchor, rows in re.findall(r'(?s)<tbody id="(from-\d+)">(.*?)</tbody>', text):
        found[anchor] = re.findall(
            r'(?s)<tr data-stage="(.*?)">.*?scope="row">(.*?)</th>.*?<code>(.*?)</code>.*?<code>(.*?)</code>', rows
        )
    return found


def test_every_number_is_a_link_to_its_origin(whole):
    numbers = Numbers(page(whole.built))
    assert len(numbers.links) > 500
    left = [text for text in numbers.unlinked if re.search(r"\d", NAMES.sub("", text))]
    assert not left, left
    assert {anchor for anchor, _, _ in numbers.links} <= set(origins(page(whole.built)))


def test_a_number_without_its_link_is_found(whole):
    """The control of the test above."""
    text = re.sub(r'<a class="from"[^>]*>(\d\.\d{4})</a>', r"\1", page(whole.built), count=1)
    assert len(Numbers(text).unlinked) == len(Numbers(page(whole.built)).unlinked) + 1


def test_the_hash_is_the_file_s_and_the_stage_makes_it(whole):
    built, root, params = whole.built, whole.root, whole.params
    files = [file for source in origins(page(built)).values() for file in source]
    assert len(files) == len(set(files)) > 60
    for stage, path, digest, command in files:
        if path.startswith("params.yaml:"):
            section = getattr(params, path.removeprefix("params.yaml:"))
            assert digest == sha256_json(section.model_dump(mode="json"))
            assert command == "git log --patch -- params.yaml"
            continue
        content = built[path] if stage == "plot" else (root / path).read_bytes()
        assert digest == hashlib.sha256(content).hexdigest(), path
        if stage.startswith("none: "):
            assert command in ("resnetbk scaling COMMIT ...", "git log --patch -- requirements.lock")
        else:
            assert command == f"dvc repro --force {stage}"
            cell = stage.partition("@")[2].replace("-0.", "/0.")
            assert cell in path


def test_the_key_is_in_the_file(whole):
    """A number's key is a place in each of the files that it names."""
    built, root = whole.built, whole.root
    files = origins(page(built))
    keys = {(anchor, key) for anchor, key, _ in Numbers(page(built)).links if key}
    assert len(keys) > 60
    for anchor, key in keys:
        for _, path, _, _ in files[anchor]:
            if path.startswith("params.yaml:"):
                assert key.split(".")[0] == path.removeprefix("params.yaml:")
            elif path.endswith(".jsonl"):
                assert any(key in json.loads(row) for row in (root / path).read_text().splitlines()), (path, key)
            else:
                place(json.loads((root / path).read_text()), key)


def place(document, key: str):
    """Return what stands at a key with dots, some of which may belong to a name (`0.1`)."""
    if not key:
        return document
    if isinstance(document, list):
        first, _, rest = key.partition(".")
        return place(document[int(first)], rest)
    name = max((name for name in document if key == name or key.startswith(f"{name}.")), key=len)
    return place(document[name], key[len(name) + 1 :])


def test_a_changed_file_has_another_hash_and_the_others_keep_theirs(root, params, built, edit):
    edit("metrics/audit/mamba.json", lambda d: d["checks"]["alignment"].update(detail="as it should"))
    before, after = (origins(page(report)) for report in (built, build_report(params, root)))
    moved = {
        old[1]
        for anchor, files in before.items()
        for old, new in zip(files, after[anchor], strict=True)
        if old != new
    }
    assert moved == {"metrics/audit/mamba.json"}


@pytest.mark.parametrize(
    ("text", "linked"),
    [
        ("4.6530 against 4.7318", ["4.6530", "4.7318"]),
        ("-1.66 %; +0.0452; ±0.04", ["-1.66", "+0.0452", "±0.04"]),
        ("95\N{NO-BREAK SPACE}% of 1,234.", ["95\N{NO-BREAK SPACE}%", "1,234"]),
        ("p = 6.0e-4, mamba2, gpt2-3, SHA-256, x86-64, resnet_bk-0", ["6.0e-4"]),
        ("(0.05)", ["0.05"]),
        ("<b>7</b>", ["7"]),
    ],
)
def test_numbers_are_told_from_names(text, linked):
    linking = Linking({("compare",): Source("from-1", ())})
    found = str(linking.numbers(text, Origin(("compare",), "a.b")))
    assert re.findall(r'<a class="from" href="#from-1" data-key="a.b">(.*?)</a>', found) == linked
    assert "<b>" not in found
    assert str(linking.numbers(text, None)).count("<a") == 0
