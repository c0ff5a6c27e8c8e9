"""check params.yaml, or print its JSON schema for editors"""

from __future__ import annotations

import argparse
import json

EXAMPLE = "resnetbk params check\nresnetbk params schema > params.schema.json"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["check", "schema"])


def run(options: argparse.Namespace) -> None:
    from resnetbk.params import json_schema, load_params

    if options.action == "schema":
        print(json.dumps(json_schema(), indent=2))
    else:
        load_params()
        print("params.yaml is valid.")
