"""search params.yaml for the lowest validation loss with Optuna, every trial a DVC experiment"""

from __future__ import annotations

import argparse
import importlib.util
import re

from resnetbk.commands.arguments import positive
from resnetbk.errors import UserError

EXAMPLE = """\
resnetbk sweep run rates -S 'train.learning_rate=tag(log,interval(1e-4,1e-2))' --model resnet_bk --trials 20
resnetbk sweep show rates"""
NOTES = """\
-S takes Hydra's grammar, as `dvc exp run` does, and intervals: KEY=a,b KEY=range(2,17,2) KEY=interval(0.1,0.9)
KEY=int(interval(1,16)) KEY=tag(log,interval(1e-4,1e-2)); KEY=value holds for every trial.
A sweep that was stopped or killed goes on when the same command is run again."""


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True)
    run = verbs.add_parser("run", help="begin a sweep, or go on with it")
    run.add_argument("name", type=_name, help="the experiments are called NAME-0, NAME-1 ...")
    run.add_argument("-S", "--set-param", dest="overrides", action="append", required=True, metavar="KEY=VALUES")
    run.add_argument("--trials", type=positive, required=True, help="in all, those of earlier runs included")
    run.add_argument("--sampler", choices=["tpe", "random"], default="tpe", help="tpe is Bayesian (default)")
    run.add_argument("--seed", type=int, default=0, help="of the sampler (default: 0)")
    run.add_argument("--model", help="whose validation loss is minimised (default: whose parameters are searched)")
    run.add_argument("--jobs", type=positive, default=1, help="experiments at once (default: 1)")
    verbs.add_parser("show", help="list the trials of a sweep").add_argument("name")


def run(options: argparse.Namespace) -> None:
    if importlib.util.find_spec("optuna") is None:
        raise UserError("a sweep needs Optuna, which is not installed: pip install -e '.[sweep]'")
    from resnetbk.repro.repository import main_root
    from resnetbk.sweep.search import Settings, search
    from resnetbk.sweep.study import open_study
    from resnetbk.sweep.table import table

    if options.verb == "show":
        print(table(open_study(main_root(), options.name)))
        return
    settings = Settings(options.name, options.overrides, options.sampler, options.seed, options.model)
    print(table(search(settings, trials=options.trials, jobs=options.jobs)))


def _name(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", text):
        raise argparse.ArgumentTypeError(f"expected letters a-z, digits, - and _, found {text!r}")
    return text
