"""A training that is stopped anywhere goes on, and ends with the bits and the history of one that was not."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.packed_corpus import draw_documents, write_corpus

from resnetbk.data.corpus import Corpus
from resnetbk.models.registry import build_model
from resnetbk.params.models import Mamba
from resnetbk.params.training import Train
from resnetbk.training.checkpoint import weights_hash
from resnetbk.training.loop import train
from resnetbk.training.resume import ResumeState

CONFIG = Train(
    steps=9,
    batch_size=2,
    length=12,
    accumulation=2,
    learning_rate=1e-2,
    final_learning_rate=0.1,
    warmup_steps=2,
    weight_decay=0.1,
    beta1=0.9,
    beta2=0.95,
    gradient_clip=1.0,
    validation_interval=4,
    validation_batches=1,
    log_interval=1,
    checkpoint_interval=2,
)


class Killed(Exception):
    pass


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    documents = {name: draw_documents(i, (150, 90), 50) for i, name in enumerate(("train", "validation", "test"))}
    return Corpus.open(write_corpus(tmp_path_factory.mktemp("corpus") / "corpus", documents, 50))


def run(corpus: Corpus, directory: Path, *, stop_after: int | None = None) -> tuple[str, list]:
    def stop(step: int, loss: float) -> None:
        if step == stop_after:
            raise Killed

    config = Mamba(family="mamba", layers=1, state_size=4, convolution=4, expand=2)
    model = build_model(config, 50, 20_000, seed=0)
    history = train(model, corpus, CONFIG, seed=0, resume=ResumeState(directory), on_step=stop)
    return weights_hash(model), history


@pytest.fixture(scope="module")
def undisturbed(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list]:
    return run(corpus, tmp_path_factory.mktemp("undisturbed"))


@pytest.mark.parametrize("stops", [(1,), (2,), (5,), (8,), (3, 4, 7)])
def test_stopped_and_resumed_is_the_same(corpus: Corpus, undisturbed: tuple, tmp_path: Path, stops: tuple[int]):
    for stop in stops:
        with pytest.raises(Killed):
            run(corpus, tmp_path, stop_after=stop)
    assert run(corpus, tmp_path) == undisturbed


def test_it_goes_on_and_does_not_start_again(corpus: Corpus, tmp_path: Path):
    with pytest.raises(Killed):
        run(corpus, tmp_path, stop_after=5)
    with pytest.raises(Killed):
        run(corpus, tmp_path, stop_after=5)  # steps 1 to 4 are kept: the first step now is the fifth
    state = ResumeState(tmp_path)
    state.clear()
    assert not tmp_path.exists()


def test_moments_belong_to_the_state(corpus: Corpus, undisturbed: tuple, tmp_path: Path, monkeypatch):
    """The control: a resume that forgets the optimiser's moments does not give the same bits."""
    with pytest.raises(Killed):
        run(corpus, tmp_path, stop_after=5)
    load = ResumeState.load

    def forget(self, model, optimiser):
        progress = load(self, model, optimiser)
        for moments in optimiser.state.values():
            moments["exp_avg"].zero_()
        return progress

    monkeypatch.setattr(ResumeState, "load", forget)
    assert run(corpus, tmp_path)[0] != undisturbed[0]


def test_the_same_seed_gives_the_same_bits_and_another_does_not(
    corpus: Corpus, undisturbed: tuple, tmp_path: Path
):
    assert run(corpus, tmp_path) == undisturbed
    model = build_model(Mamba(family="mamba", layers=1, state_size=4, convolution=4, expand=2), 50, 20_000, seed=0)
    train(model, corpus, CONFIG, seed=1, resume=ResumeState(tmp_path / "another"))
    assert weights_hash(model) != undisturbed[0]
    assert torch.isfinite(torch.tensor(undisturbed[1][-1]["validation_loss"]))


def test_a_split_is_opened_once_however_many_steps_there_are(corpus: Corpus, tmp_path: Path, monkeypatch):
    """Opening one reads and hashes all of it: in the loop that would cost a pass over the data a step."""
    opened, split = [], Corpus.split

    def note(self: Corpus, name: str):
        opened.append(name)
        return split(self, name)

    monkeypatch.setattr(Corpus, "split", note)
    run(corpus, tmp_path)
    assert sorted(opened) == ["train", "validation"]
