"""make a new reproducible project: a small pipeline that runs, with its hashes and tests"""

from __future__ import annotations

import argparse

EXAMPLE = "resnetbk new my-study --description 'Does width help?' --package pandas"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the project's name, and its folder's")
    parser.add_argument("--directory", default=".", help="an existing folder to make it in (default: here)")
    parser.add_argument("--description", help="one line")
    parser.add_argument("--python", help="version, such as 3.11 (default: this one)")
    parser.add_argument("--determinism", choices=("portable", "machine"), help="level (default: portable)")
    parser.add_argument("--seed", type=int, help="seed of data and weights (default: 0)")
    parser.add_argument("--package", action="append", default=[], dest="packages", help="one more, installed here")
    parser.add_argument(
        "--toolkit", help="requirement by which others install resnetbk: resnetbk @ git+URL@COMMIT"
    )


def run(options: argparse.Namespace) -> None:
    from resnetbk.errors import UserError
    from resnetbk.repro.template import TemplateConfig, create_reproducible_template

    fields = ("description", "python", "determinism", "seed", "toolkit")
    given = {name: getattr(options, name) for name in fields if getattr(options, name) is not None}
    print("Making the project and running its pipeline once ...")
    try:
        config = TemplateConfig(**given, packages=tuple(options.packages))
        folder = create_reproducible_template(options.name, config, directory=options.directory)
    except (
        ValueError,
        FileNotFoundError,
        FileExistsError,
        NotADirectoryError,
        PermissionError,
        RuntimeError,
    ) as error:
        raise UserError(str(error)) from error
    print(f"{folder} is ready; its README.md says how to go on. Commit it, then `make verify` there.")
