"""register the plan of the comparison before training, or check params.yaml against it"""

from __future__ import annotations

import argparse

EXAMPLE = "resnetbk plan check\nresnetbk plan register"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["register", "check"])


def run(options: argparse.Namespace) -> int:
    from resnetbk.params import load_params
    from resnetbk.plan import PLAN_FILE, differences, plan_of, read_plan, register_plan

    params = load_params()
    if options.action == "register":
        print(f"{PLAN_FILE}: registered {register_plan(params)[:16]}. Commit it before you train.")
        return 0
    changed = differences(read_plan(), plan_of(params))
    print("\n".join(changed) or f"params.yaml follows {PLAN_FILE}.")
    return 1 if changed else 0
