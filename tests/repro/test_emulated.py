"""This project's models, really trained on other CPUs: the weights have the same bits as on this one.

The other CPUs are emulated instruction by instruction (qemu, user mode): a Haswell is Intel's first with AVX2 and
has no AVX-512, an EPYC of 2017 is another vendor's. The compiler behind Numba takes ten minutes there, so the
kernels are compiled here first, for that CPU: Numba finds them by the CPU's name and instruction sets.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.repro.visible_cores import CORES, build_library, showing

ROOT = Path(__file__).parents[2]
MODELS = ("transformer", "resnet_bk", "mamba")
TRAINING = """
import json, sys, tempfile
from pathlib import Path
from resnetbk.repro.levels import enforce, pin_environment

level, *names = sys.argv[1:]
pin_environment(level)
from tests.models import model_configs
from tests.packed_corpus import draw_documents, write_corpus
from resnetbk.data.corpus import Corpus
from resnetbk.models.registry import build_model
from resnetbk.params.training import Train
from resnetbk.training.checkpoint import weights_hash
from resnetbk.training.loop import train
from resnetbk.training.resume import ResumeState

enforce(level)
config = Train(
    steps=3, batch_size=2, length=16, accumulation=1, learning_rate=1e-2, final_learning_rate=0.1,
    warmup_steps=2, weight_decay=0.1, beta1=0.9, beta2=0.95, gradient_clip=1.0, validation_interval=3,
    validation_batches=1, log_interval=1, checkpoint_interval=2,
)
results = {}
with tempfile.TemporaryDirectory() as folder:
    documents = {name: draw_documents(i, (150, 90), 50) for i, name in enumerate(("train", "validation", "test"))}
    corpus = Corpus.open(write_corpus(Path(folder, "corpus"), documents, 50))
    for name in names:
        model = build_model(getattr(model_configs, name)(layers=1), 50, 20_000, seed=0)
        history = train(model, corpus, config, seed=0, resume=ResumeState(Path(folder, name)))
        results[name] = [weights_hash(model), *(str(row) for row in history)]
print(json.dumps(results))
"""
COMPILER_TARGET = """
import json
from numba.core.registry import cpu_target

print(json.dumps(cpu_target.target_context.codegen().magic_tuple()))
"""


def run(code: str, *arguments: str, cpu: str | None = None, **variables: str):
    """Run code in a process of its own and return the JSON that it prints."""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    environment |= {"PYTHONPATH": str(ROOT), **variables}
    emulator = ["qemu-x86_64", "-cpu", cpu] if cpu else []
    done = subprocess.run(
        [*emulator, sys.executable, "-W", "ignore", "-c", code, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def expected() -> dict:
    return run(TRAINING, "portable", *MODELS)


@pytest.fixture(scope="module", params=["Haswell", "EPYC"])
def emulated(request: pytest.FixtureRequest) -> tuple[str, dict, dict]:
    """Train on an emulated CPU; return its name, and the results at `portable` and at `fast`."""
    if not shutil.which("qemu-x86_64"):
        pytest.skip("needs qemu-user to emulate other CPUs")
    _, name, features = run(COMPILER_TARGET, cpu=request.param)
    target = {"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": features}
    run(TRAINING, "portable", *MODELS, **target)
    return (
        request.param,
        run(TRAINING, "portable", *MODELS, cpu=request.param),
        run(TRAINING, "fast", *MODELS, cpu=request.param, OMP_NUM_THREADS="1"),
    )


@pytest.mark.nightly
def test_every_model_has_the_same_bits_and_losses_on_an_emulated_cpu(expected: dict, emulated: tuple):
    cpu, portable, _ = emulated
    assert portable == expected, cpu


@pytest.mark.nightly
def test_the_control_without_the_level_no_model_has(emulated: tuple):
    cpu, _, fast = emulated
    here = run(TRAINING, "fast", *MODELS, OMP_NUM_THREADS="1")  # spinning threads take for ever there
    assert all(fast[model] != here[model] for model in MODELS), cpu


@pytest.mark.nightly
def test_every_model_has_the_same_bits_whatever_cores_it_sees(expected: dict, tmp_path: Path):
    library = build_library(tmp_path)
    for cores in CORES:
        assert run(TRAINING, "portable", *MODELS, **showing(library, cores)) == expected, cores
    fast = [run(TRAINING, "fast", *MODELS, **showing(library, cores)) for cores in (1, 8)]
    assert fast[0] != fast[1]  # the control
