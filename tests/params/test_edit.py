"""Values change in YAML text, and nothing else does."""

from __future__ import annotations

import pytest
from ruamel.yaml import YAML

from resnetbk.errors import UserError
from resnetbk.params.edit import edit, flow, merge

TEXT = """# head
a:            # of a
  x: 1        # of x
  y: 1.0e-3   # of y

  # before z
  z: {kind: none}  # of z
  nothing:    # of nothing
b:
- 1
- 2  # of two

# before c
c:
  kind: one  # of kind
  inner:
    deep: 'quoted'   # of deep

# tail
"""


def changed(overlay: dict) -> str:
    return edit(TEXT, merge(YAML(typ="safe", pure=True).load(TEXT), overlay))


@pytest.mark.parametrize(
    ("overlay", "old", "new"),
    [
        ({}, "", ""),
        ({"a": {"x": 1, "y": 0.001}}, "", ""),
        ({"a": {"x": 20}}, "x: 1 ", "x: 20 "),
        ({"a": {"x": None}}, "x: 1 ", "x: null "),
        ({"a": {"x": [1, {"k": "a: b", "j": 2}]}}, "x: 1 ", "x: [1, {k: 'a: b', j: 2}] "),
        ({"a": {"z": {"kind": "dense", "ratio": 2.5}}}, "{kind: none}", "{kind: dense, ratio: 2.5}"),
        ({"a": {"z": {"more": 1}}}, "{kind: none}", "{kind: none, more: 1}"),
        ({"a": {"nothing": "some"}}, "nothing:    #", "nothing: some    #"),
        ({"a": {"w": {"v": 1}}}, "# of nothing\n", "# of nothing\n  w: {v: 1}\n"),
        ({"b": [3]}, "b:\n- 1\n- 2", "b: [3]"),
        ({"c": {"inner": {"deep": "text"}}}, "'quoted'", "text"),
        ({"c": {"inner": {"more": 1}}}, "# of deep\n", "# of deep\n    more: 1\n"),
        (
            {"c": {"kind": "two", "p": 1}},
            TEXT[TEXT.index("kind: one") : TEXT.index("   # of deep")],
            "kind: two\n  p: 1",
        ),
        ({"d": 1}, "# of deep\n", "# of deep\nd: 1\n"),
        ({"c": "gone"}, TEXT[TEXT.index("c:\n") : TEXT.index("   # of deep")], "c: gone"),
    ],
)
def test_the_value_changes_and_no_other_byte(overlay: dict, old: str, new: str):
    assert TEXT.count(old) == 1 or not old
    assert changed(overlay) == TEXT.replace(old, new)


@pytest.mark.parametrize(
    ("keys", "gone"),
    [
        (["a", "x"], "  x: 1        # of x\n"),
        (["a", "z"], "  z: {kind: none}  # of z\n"),
        (["a", "nothing"], "  nothing:    # of nothing\n"),
        (["b"], "b:\n- 1\n- 2  # of two\n"),
        (["c", "inner"], "  inner:\n    deep: 'quoted'   # of deep\n"),
        (["c"], TEXT[TEXT.index("c:\n") : TEXT.index("\n# tail")]),
    ],
)
def test_an_entry_that_the_target_lacks_goes_with_its_line(keys: list[str], gone: str):
    target = YAML(typ="safe", pure=True).load(TEXT)
    *sections, last = keys
    inner = target
    for key in sections:
        inner = inner[key]
    del inner[last]
    assert TEXT.count(gone) == 1
    assert edit(TEXT, target) == TEXT.replace(gone, "")


def test_what_comes_in_place_of_the_last_entry_stands_where_it_stood():
    target = YAML(typ="safe", pure=True).load(TEXT)
    del target["c"]["inner"]
    target["c"]["added"] = 1
    after = edit(TEXT, target)
    assert after == TEXT.replace("  inner:\n    deep: 'quoted'   # of deep\n", "  added: 1\n")
    target["c"] = {"kind": "one", "inner": {"deep": "quoted"}}
    assert edit(after, target) == TEXT.replace(
        "  inner:\n    deep: 'quoted'   # of deep\n", "  inner: {deep: quoted}\n"
    )


def test_a_float_read_for_a_round_trip_is_written_as_it_was():
    floats = "[6.0e-4, 1.0e-6, 2.50, 3.0, 1e3]"
    assert flow(list(YAML(typ="rt").load(floats))) == floats
    assert flow([6.0e-4]) != "[6.0e-4]"


@pytest.mark.parametrize("text", ["a: &shared {k: 1}\nb: *shared\n", "a: 1\nb: |\n  two\n  lines\nc: 1\n"])
def test_what_cannot_be_changed_in_place_is_refused(text: str):
    values = YAML(typ="safe", pure=True).load(text)
    assert edit(text, values) == text
    with pytest.raises(UserError, match="cannot be changed in place"):
        edit(text, {**values, "b": {"k": 2}})


def test_merge_replaces_a_mapping_of_another_kind():
    base = {"ffn": {"kind": "dense", "ratio": 2.0}, "seeds": [0, 1], "model": {"family": "mamba", "layers": 2}}
    assert merge(base, {"ffn": {"ratio": 3.0}})["ffn"] == {"kind": "dense", "ratio": 3.0}
    assert merge(base, {"ffn": {"kind": "dense", "ratio": 3.0}})["ffn"] == {"kind": "dense", "ratio": 3.0}
    assert merge(base, {"ffn": {"kind": "none"}})["ffn"] == {"kind": "none"}
    assert merge(base, {"model": {"family": "gpt2"}})["model"] == {"family": "gpt2"}
    assert merge(base, {"seeds": [2]})["seeds"] == [2]
    assert base["ffn"] == {"kind": "dense", "ratio": 2.0}


@pytest.mark.parametrize(
    "value", [None, True, 3, 1e-5, 2.6667, "text", "no", "1", "a: b", "# c", [], {}, {"k": [1, "x"]}]
)
def test_flow_reads_back_on_one_line(value):
    text = flow(value)
    assert "\n" not in text
    read = YAML(typ="safe", pure=True).load(f"key: {text}  # comment\n")["key"]
    assert read == value and type(read) is type(value)
