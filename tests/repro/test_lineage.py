"""A chain holds as long as every link is what it was, and follows from the one before."""

from __future__ import annotations

import copy
import json

import pytest

from resnetbk.repro.files import sha256_json
from resnetbk.repro.lineage import bind, check_chain

ROOT = "a" * 64


@pytest.fixture
def links() -> list[dict]:
    links, parent = [], ROOT
    for batch in (0, 100, 200):
        links.append(
            bind(
                parent=parent,
                data={"seed": 0, "next_batch": batch, "tokens": "b" * 64},
                code="c" * 64,
                params={"rate": 1e-05, "layers": (1, 2)},
                plan=None,
                artefact=sha256_json(batch),
            )
        )
        parent = links[-1]["sha256"]
    return links


def test_a_chain_holds_and_survives_json(links: list[dict]):
    assert check_chain(links, root=ROOT, head=links[-1]["sha256"]) is None
    assert check_chain(json.loads(json.dumps(links)), root=ROOT) is None
    assert check_chain([]) is None


@pytest.mark.parametrize("key", ["parent", "data", "code", "params", "plan", "artefact", "sha256"])
def test_an_altered_link_is_found(links: list[dict], key: str):
    for number in range(3):
        altered = copy.deepcopy(links)
        altered[number][key] = "d" * 64
        assert check_chain(altered, root=ROOT).number == number


def test_a_link_made_anew_breaks_the_next(links: list[dict]):
    content = {key: value for key, value in links[1].items() if key != "sha256"}
    links[1] = bind(**content | {"plan": "another"})
    number, reason = check_chain(links, root=ROOT)
    assert (
        number == 2
        and reason == f"its parent is {links[2]['parent']}, and the link before is {links[1]['sha256']}"
    )


def test_links_cannot_be_dropped_swapped_or_doubled(links: list[dict]):
    first, second, third = links
    head = third["sha256"]
    assert check_chain([first, third], root=ROOT).number == 1
    assert check_chain([first, third, second], root=ROOT).number == 1
    assert check_chain([first, second, second, third], root=ROOT).number == 2
    assert check_chain([second, third], root=ROOT).number == 0
    assert check_chain(links).number == 0  # None was to be its root
    assert check_chain([first, second], root=ROOT) is None  # the end alone can be lost unseen,
    assert check_chain([first, second], root=ROOT, head=head).number == 2  # unless its hash is known
    assert check_chain([], head=head).number == 0


@pytest.mark.parametrize("strange", [{}, [], {"parent": None}, "link", None])
def test_what_is_no_link_is_broken(links: list[dict], strange):
    assert check_chain([*links[:2], strange], root=ROOT) == (2, check_chain([strange]).reason)


@pytest.mark.parametrize("data", [object(), float("nan"), {1, 2}])
def test_a_link_holds_json_only(data):
    with pytest.raises(ValueError, match="a link holds JSON values only"):
        bind(parent=None, data=data, code=None, params=None, plan=None, artefact="")
