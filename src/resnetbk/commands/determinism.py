"""report the determinism in force in a new Python process here, or check that this machine can hold a level"""

from __future__ import annotations

import argparse
import json
from typing import Any, get_args

from resnetbk.commands.columns import columns

EXAMPLE = "resnetbk determinism --level portable"


def configure(parser: argparse.ArgumentParser) -> None:
    from resnetbk.repro.levels import Level

    parser.add_argument("--level", choices=get_args(Level), help="put it in force first; exit 1 if it cannot hold")
    parser.add_argument("--json", action="store_true", help="print everything, for programs")


def run(options: argparse.Namespace) -> int:
    from resnetbk.repro.level_check import check_level

    level = options.level or "fast"
    try:
        status = check_level(level)
    except RuntimeError as error:
        print(json.dumps({"level": None, "died": str(error)}) if options.json else f"ERROR: {error}")
        return 1
    print(json.dumps(status, indent=2) if options.json else describe(status, options.level))
    return int(bool(status["faults"].get(level)))


def describe(status: dict[str, Any], level: str | None = None) -> str:
    """Return a status for people.

    **Arguments:** `status`: of `check_level`; `level`: the one that was to be in force, None if none was.
    """
    lines = [f"In force: {status['level']}"]
    machine, portable = status["faults"]["machine"], status["faults"]["portable"]
    if level != "fast" and machine:
        lines += ["", "Not machine, because", *(f"  - {fault}" for fault in machine)]
    if level in (None, "portable") and portable:
        also = [fault for fault in portable if fault not in machine]
        lines += ["", f"Not portable, because{' also' * bool(machine)}", *(f"  - {fault}" for fault in also)]
    return "\n".join([*lines, "", *_arithmetic(status), "", *_variables(status["variables"])])


def _arithmetic(status: dict[str, Any]) -> list[str]:
    flags, arithmetic = status["flags"], status["arithmetic"]
    blas = arithmetic["torch_blas"]
    rows = {
        "torch": f"deterministic algorithms {'on' if flags['deterministic_algorithms'] else 'off'}, "
        f"threads {flags['threads']}, portable operators {'installed' if flags['portable_operators'] else 'off'}",
        "torch's BLAS": f"{blas['name']} {blas['version'] or ''} branch {blas['branch'] or 'unknown'}",
        "NumPy's loops": " ".join(arithmetic["numpy_vector_units"]),
    }
    for pool in arithmetic["thread_pools"]:
        kernels = f", kernels {pool['architecture']}" if pool["architecture"] else ""
        rows[pool["library"]] = f"{pool['kind']}{kernels}, threads {pool['threads']}"
    return columns(rows)


def _variables(variables: list[dict[str, Any]]) -> list[str]:
    return columns(
        {
            variable["name"]: variable["state"]
            + (f": {variable['value']}" if variable["value"] is not None else "")
            + (f" (in use: {variable['measured']})" if variable["measured"] else "")
            for variable in variables
        }
    )
