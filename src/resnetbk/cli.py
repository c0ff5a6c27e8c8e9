"""The command `resnetbk`: finds the subcommand's module and runs it."""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import shutil
import sys
import textwrap

from resnetbk import commands
from resnetbk.errors import UserError

FIRST = ("reproduce", "verify", "watch", "doctor")  # what a newcomer needs; the others follow by name


def main(arguments: list[str] | None = None) -> None:
    """Run one subcommand; a `UserError` becomes one message and exit code 1."""
    options = build_parser().parse_args(arguments)
    try:
        code = options.run(options)
        sys.stdout.flush()  # here, where a reader that has gone, such as `head`, can still be seen
    except UserError as error:
        sys.exit(f"ERROR: {error}")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains as it ends
        code = 128 + 13  # as a shell reports SIGPIPE
    sys.exit(code)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line, with every subcommand."""
    parser = argparse.ArgumentParser(prog="resnetbk", description="A reproducible comparison of sequence models.")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in command_names():
        module = importlib.import_module(f"{commands.__name__}.{name}")
        command = subparsers.add_parser(name, help=module.__doc__, description=_wrapped(module.__doc__))
        module.configure(command)
        _show_examples(command, module.EXAMPLE.splitlines(), _wrapped(getattr(module, "NOTES", "")))
        command.set_defaults(run=module.run)
    return parser


def command_names() -> list[str]:
    """Return the subcommands: the modules of `resnetbk.commands` that are no part of others."""
    found = [module.name for module in pkgutil.iter_modules(commands.__path__)]
    return [*FIRST, *sorted(name for name in found if name not in (*FIRST, *commands.SHARED))]


def leaves(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """Return the parsers below `parser` that take no further subcommand, itself where it takes none."""
    verbs = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not verbs:
        return [parser]
    return [leaf for action in verbs for verb in action.choices.values() for leaf in leaves(verb)]


def _show_examples(command: argparse.ArgumentParser, examples: list[str], notes: str) -> None:
    """Put the examples under the help of a command, and under each of its verbs those that show that verb."""
    for parser in dict.fromkeys([command, *leaves(command)]):
        shown = [line for line in examples if f"{line} ".startswith(f"{parser.prog} ")]
        text = "\n".join([f"example{'s' * (len(shown) > 1)}:", *(f"  {line}" for line in shown)])
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.epilog = f"{text}\n\n{notes}".rstrip() if shown else notes


def _wrapped(text: str) -> str:
    width = max(40, min(100, shutil.get_terminal_size().columns) - 2)
    return "\n\n".join(textwrap.fill(" ".join(part.split()), width) for part in text.split("\n\n"))


if __name__ == "__main__":
    main()
