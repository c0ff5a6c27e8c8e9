"""list, show, compare, use or try the presets of presets/, each an overlay of params.yaml"""

from __future__ import annotations

import argparse

EXAMPLE = """\
resnetbk preset list
resnetbk preset show moe
resnetbk preset diff moe full
resnetbk preset use moe
resnetbk preset check moe"""
NOTES = """Core hours and memory are estimated: the operations of every training step are counted, at the rate that
`make benchmark` measured."""


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("list", help="name each preset, what it takes and the question it answers")
    verbs.add_parser("show", help="print what a preset takes and all that it changes").add_argument("name")
    diff = verbs.add_parser("diff", help="print what a preset would change in params.yaml, or in another preset")
    diff.add_argument("name")
    diff.add_argument("other", nargs="?", help="a preset; without one, name is set against params.yaml")
    verbs.add_parser("use", help="write a preset into params.yaml").add_argument("name")
    check = verbs.add_parser("check", help="try a preset: schema, models, one training step of each, memory, time")
    check.add_argument("name", nargs="?", help="a preset; without one, all of them")


def run(options: argparse.Namespace) -> None:
    from resnetbk import presets

    match options.verb:
        case "list":
            print(presets.list_presets())
        case "show":
            print(presets.show(options.name))
        case "diff":
            print(presets.diff(options.name, options.other))
        case "use":
            print(presets.use(options.name))
        case "check":
            from resnetbk.presets.check import check  # loads torch

            for line in check(options.name):
                print(line, flush=True)
