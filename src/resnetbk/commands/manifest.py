"""record every file of a directory with its size and hash, for `resnetbk verify DIRECTORY` to check later"""

from __future__ import annotations

import argparse
from pathlib import Path

from resnetbk.errors import UserError

EXAMPLE = "resnetbk manifest results"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", type=Path)
    parser.add_argument("--out", type=Path, metavar="FILE", help="the manifest (default: integrity.json inside)")
    parser.add_argument("--algorithm", choices=["sha256", "sha512", "blake2b", "md5"], default="sha256")
    parser.add_argument("--replace", action="store_true", help="lose the manifest that is there")


def run(options: argparse.Namespace) -> None:
    from resnetbk.repro.manifest import MANIFEST, create_integrity_manifest

    try:
        files = create_integrity_manifest(
            options.directory, options.out, algorithm=options.algorithm, replace=options.replace
        )
    except (ValueError, RuntimeError, OSError) as error:
        raise UserError(str(error)) from None
    size = sum(file.size for file in files.values())
    print(f"{options.out or options.directory / MANIFEST}: {len(files):,} files, {size:,} bytes")
