"""find what is wrong with this machine, and say how to mend it; exit code 1 when something is"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from resnetbk.doctor import EXAMINATIONS, Finding, diagnose

EXAMPLE = "resnetbk doctor\nresnetbk doctor --only git --only dvc"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--only", choices=EXAMINATIONS, action="append", help="examine this alone; may be given several times"
    )
    parser.add_argument("--json", action="store_true", help="print the findings for programs")


def run(options: argparse.Namespace) -> int:
    findings: list[Finding] = []
    chosen = {name: EXAMINATIONS[name] for name in options.only or EXAMINATIONS}
    for finding in diagnose(Path.cwd(), chosen):
        findings.append(finding)
        if not options.json:
            print(_describe(finding), flush=True)
    wrong = sum(finding.state == "wrong" for finding in findings)
    if options.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        print(f"\n{wrong} thing{'s are' if wrong > 1 else ' is'} wrong." if wrong else "\nNothing is wrong.")
    return int(wrong > 0)


def _describe(finding: Finding) -> str:
    mend = f"\n       {'':<12} -> {finding.mend}" if finding.mend else ""
    return f"{finding.state:<5}  {finding.name:<12}  {finding.found}{mend}"
