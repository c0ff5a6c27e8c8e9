"""What the processes of test_world.py do: small trainings, whole and broken on purpose."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import torch
import torch.distributed as dist
from tests.packed_corpus import draw_documents, write_corpus
from torch import Tensor, nn

from resnetbk.data.corpus import Corpus
from resnetbk.models.language_model import LanguageModel
from resnetbk.models.registry import build_model
from resnetbk.params.models import Mamba, MixtureOfExperts, Model, ResNetBK
from resnetbk.params.training import Train
from resnetbk.repro.levels import enforce
from resnetbk.training import data_parallel, step
from resnetbk.training.checkpoint import weights_hash
from resnetbk.training.data_parallel import GradientSum
from resnetbk.training.divergence import DivergenceError
from resnetbk.training.loop import train
from resnetbk.training.optimiser import build_optimiser
from resnetbk.training.resume import ResumeState
from resnetbk.training.step import optimiser_step
from resnetbk.training.world import World

VOCABULARY, RARE = 50, 49
MODELS: dict[str, Model] = {
    "resnet_bk": ResNetBK(
        family="resnet_bk",
        layers=1,
        mixer="propagator",
        heads=4,
        energies=1,
        eta=1e-3,
        convolution=4,
        ffn=MixtureOfExperts(
            kind="mixture_of_experts",
            ratio=1.0,
            experts=4,
            top_k=1,
            router="linear",
            load_balance=0.01,
            z_loss=0.001,
            capacity_factor=None,
        ),
        hybrid_gradient=0.0,
    ),
    "mamba": Mamba(family="mamba", layers=1, state_size=4, convolution=4, expand=2),
}
CONFIG = Train(
    steps=4,
    batch_size=1,
    length=12,
    accumulation=7,  # no number of processes above 1 divides it
    learning_rate=1e-2,
    final_learning_rate=0.1,
    warmup_steps=2,
    weight_decay=0.1,
    beta1=0.9,
    beta2=0.95,
    gradient_clip=1.0,
    validation_interval=2,
    validation_batches=3,
    log_interval=1,
    checkpoint_interval=2,
)


def make_corpus(folder: Path) -> Path:
    """Write a small corpus in which the token `RARE` occurs once."""
    documents = {
        name: draw_documents(i, (300, 90), RARE) for i, name in enumerate(("train", "validation", "test"))
    }
    documents["train"][0][100] = RARE
    return write_corpus(folder, documents, VOCABULARY)


def train_one(model: str, corpus: Path, state: Path, reduction: str = "ordered") -> dict:
    """Train one small model and return its bits and its history."""
    enforce("portable")
    torch.manual_seed(os.getpid())  # no random number of a process may reach the weights
    step.GradientSum = {"ordered": GradientSum, "all_reduce": AllReduced}[reduction]
    with World.from_environment(seconds=60) as world:
        network = build_model(MODELS[model], VOCABULARY, 20_000, seed=0)
        history = train(network, Corpus.open(corpus), CONFIG, seed=0, resume=ResumeState(state), world=world)
        return {"weights": weights_hash(network), "history": history}


class AllReduced:
    """The control: each process adds its own parts, and gloo adds the sums. True to a rounding, not to the bit."""

    def __init__(self, parameters, world: World):
        self._parameters, self._world = list(parameters), world

    def add(self, parts: int) -> None:
        pass

    def finish(self) -> None:
        for parameter in self._parameters if self._world.size > 1 else ():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            dist.all_reduce(parameter.grad)


def train_and_lose(corpus: Path, state: Path, signal_number: int, seconds: float) -> None:
    """Train until process 1 gives itself a signal after the third step; wait `seconds` for one that is silent."""
    enforce("portable")
    with World.from_environment(seconds=seconds) as world:

        def on_step(done: int, loss: float) -> None:
            if world.rank == 1 and done == 3:
                os.kill(os.getpid(), signal_number)

        network = build_model(MODELS["resnet_bk"], VOCABULARY, 20_000, seed=0)
        resume = ResumeState(state)
        train(network, Corpus.open(corpus), CONFIG, seed=0, resume=resume, world=world, on_step=on_step)


class Fragile(LanguageModel):
    """A model that fails on one token: its embedding is infinite."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 8)
        self.head = nn.Linear(8, VOCABULARY)
        with torch.no_grad():
            self.embedding.weight[RARE] = torch.inf

    def forward(self, tokens_BL: Tensor) -> Tensor:
        return self.head(self.embedding(tokens_BL))


def diverge(corpus: Path) -> str:
    """Take steps until one fails and return the message."""
    enforce("portable")
    world = World.from_environment(seconds=60)
    torch.manual_seed(0)
    model = Fragile()
    optimiser = build_optimiser(model, weight_decay=0.1, beta1=0.9, beta2=0.95)
    training = Corpus.open(corpus).split("train")
    try:
        for number in range(20):
            optimiser_step(model, optimiser, training, CONFIG, step=number, seed=0, world=world)
    except DivergenceError as error:
        return str(error)
    raise AssertionError("the token that is not finite never came")


def sum_gradients(seed: int) -> list[str | None]:
    """Return the bits of summed gradients: of parameters that not every part uses, or uses twice, or at -0.0."""
    world = World.from_environment(seconds=60)
    data_parallel.BUCKET = 20  # several buckets, one parameter larger than any
    generator = torch.Generator().manual_seed(seed)
    shapes = {"always": (5, 3), "twice": (7,), "sometimes": (31,), "minus_zero": (3,), "never": (4,)}
    parameters = {name: nn.Parameter(torch.randn(shape, generator=generator)) for name, shape in shapes.items()}
    scales = [torch.randn((), generator=generator) * 10.0**k for k in range(7)]
    gradients = GradientSum(parameters.values(), world)
    for first in range(0, len(scales), world.size):
        mine = first + world.rank
        if mine < len(scales):
            loss = (parameters["always"].sin() * scales[mine]).sum()
            loss = (
                loss + (parameters["twice"].exp() * scales[mine]).sum() + (parameters["twice"] * 0.1).cos().sum()
            )
            loss = loss + (parameters["minus_zero"] * -0.0).sum()
            if mine in (2, 5):
                loss = loss + (parameters["sometimes"] ** 3 * scales[mine]).sum()
            loss.backward()
        gradients.add(min(world.size, len(scales) - first))
    gradients.finish()
    return [None if p.grad is None else p.grad.numpy().tobytes().hex() for p in parameters.values()]


def disagree() -> None:
    """Say something else in process 2."""
    with World.from_environment(seconds=60) as world:
        world.require_same("the hash of the weights", "b" if world.rank == 2 else "a")


def stop_for_all() -> list[bool]:
    """Ask process 1 to stop, by a real signal, and return what each is told before and after."""
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: asked.append(number))
    with World.from_environment(seconds=60) as world:
        before = world.stop_requested(bool(asked))
        if world.rank == 1:
            os.kill(os.getpid(), signal.SIGTERM)
            while not asked:
                time.sleep(0.01)
        return [before, world.stop_requested(bool(asked))]
