"""The command `resnetbk`: finds the subcommand's module and runs it."""

from __future__ import annotations

import argparse
import importlib
import sys

from resnetbk.errors import UserError

COMMANDS = (
    "reproduce",
    "verify",
    "manifest",
    "replay",
    "explain",
    "determinism",
    "env",
    "plan",
    "params",
    "preset",
    "validate",
    "new",
)


def main(arguments: list[str] | None = None) -> None:
    """Run one subcommand; a `UserError` becomes one message and exit code 1."""
    parser = argparse.ArgumentParser(prog="resnetbk", description="A reproducible comparison of sequence models.")
    subparsers = parser.add_subparsers(dest="command", required=True)
    for name in COMMANDS:
        module = importlib.import_module(f"resnetbk.commands.{name}")
        command = subparsers.add_parser(
            name, help=module.__doc__, description=module.__doc__, epilog=f"example: {module.EXAMPLE}"
        )
        module.configure(command)
        command.set_defaults(run=module.run)
    options = parser.parse_args(arguments)
    try:
        sys.exit(options.run(options))
    except UserError as error:
        sys.exit(f"ERROR: {error}")


if __name__ == "__main__":
    main()
