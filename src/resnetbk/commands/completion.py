"""print a script that completes subcommands, options, files and names of presets in a shell"""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLE = """\
source <(resnetbk completion bash)
resnetbk completion zsh > _resnetbk
resnetbk completion fish > resnetbk.fish"""
NOTES = (
    "bash: put the line into ~/.bashrc; zsh: put the file into a folder of $fpath; fish: into "
    "~/.config/fish/completions."
)

PRESETS = "ls presets | sed -n 's/[.]yaml$//p'"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=["bash", "zsh", "fish"])


def run(options: argparse.Namespace) -> None:
    import shtab

    from resnetbk.cli import build_parser, leaves

    parser = build_parser()
    for leaf in leaves(parser):
        for action in leaf._actions:
            if action.type is Path:
                action.complete = shtab.FILE
            elif leaf.prog.startswith("resnetbk preset ") and not action.option_strings:
                action.complete = shtab.cmd(PRESETS)
    print(shtab.complete(parser, options.shell))
