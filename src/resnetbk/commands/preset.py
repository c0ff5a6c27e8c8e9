"""list, show or use the presets of presets/, each an overlay of params.yaml"""

from __future__ import annotations

import argparse

EXAMPLE = "resnetbk preset use moe"


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("list", help="name each preset and the question it answers")
    verbs.add_parser("show", help="print all that a preset changes").add_argument("name")
    verbs.add_parser("use", help="write a preset into params.yaml").add_argument("name")


def run(options: argparse.Namespace) -> None:
    from resnetbk import presets

    verbs = {"list": presets.list_presets, "show": presets.show, "use": presets.use}
    print(verbs[options.verb](*([options.name] if options.verb != "list" else [])))
