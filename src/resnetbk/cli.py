"""The command `resnetbk`. Heavy libraries are imported by the subcommands that need them."""

from __future__ import annotations

import argparse
import json
import os
import sys

from resnetbk.errors import UserError


def main(arguments: list[str] | None = None) -> None:
    """Run one subcommand; a `UserError` becomes one message and exit code 1."""
    parser = argparse.ArgumentParser(prog="resnetbk", description="A reproducible comparison of sequence models.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("reproduce", "bring the whole pipeline up to date, several cells at a time"),
        ("verify", "rebuild the last commit from nothing in a clone and compare every hash"),
    ):
        command = commands.add_parser(
            name, help=text, description=text, epilog=f"example: resnetbk {name} --jobs 2"
        )
        command.add_argument(
            "--jobs", type=_positive, default=os.cpu_count(), help="cells at once (default: CPUs)"
        )
    text = "check params.yaml, or print its JSON schema for editors"
    command = commands.add_parser("params", help=text, description=text, epilog="example: resnetbk params check")
    command.add_argument("action", choices=["check", "schema"])
    text = "list, show or use the presets of presets/, each an overlay of params.yaml"
    command = commands.add_parser("preset", help=text, description=text, epilog="example: resnetbk preset use moe")
    verbs = command.add_subparsers(dest="verb", required=True)
    verbs.add_parser("list", help="name each preset and the question it answers")
    verbs.add_parser("show", help="print all that a preset changes").add_argument("name")
    verbs.add_parser("use", help="write a preset into params.yaml").add_argument("name")
    options = parser.parse_args(arguments)
    try:
        _run(options)
    except UserError as error:
        sys.exit(f"ERROR: {error}")


def _run(options: argparse.Namespace) -> None:
    if options.command == "params":
        from resnetbk.params import json_schema, load_params

        if options.action == "schema":
            print(json.dumps(json_schema(), indent=2))
        else:
            load_params()
            print("params.yaml is valid.")
        return
    if options.command == "preset":
        from resnetbk import presets

        verbs = {"list": presets.list_presets, "show": presets.show, "use": presets.use}
        print(verbs[options.verb](*([options.name] if options.verb != "list" else [])))
        return
    from resnetbk import pipeline

    {"reproduce": pipeline.reproduce, "verify": pipeline.verify}[options.command](options.jobs)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, found {value}")
    return value


if __name__ == "__main__":
    main()
