"""The ledger: what each cell was given and what it cost, counted by the stages that made it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from resnetbk.comparison.cells import Cell, Cells
from resnetbk.comparison.records import Audit, Initialisation


@dataclass(frozen=True)
class Ledger:
    """One cell: a model trained with one seed. A new row is a field of this class."""

    model: str
    seed: int
    parameters: int  # with embeddings
    parameters_embedding: int
    parameters_non_embedding: int
    parameter_budget: int
    tied_embeddings: bool
    forward_flops: int  # of one optimiser step
    backward_flops: int
    steps: int
    training_tokens: int
    state_size: int  # bytes of recurrent state or key-value cache for one sequence
    peak_memory_bytes: int  # of tensors, in one optimiser step
    tuning_trials: int  # 0: learning rate and weight decay were given
    tuning_tokens: int
    initial_weights: str  # SHA-256
    initialisation: Initialisation
    data_order: str  # SHA-256 of the windows of every step
    audit_passed: bool | None  # None: there is no audit
    data: dict[str, str]  # SHA-256 of the tokens of each split
    documents: int  # held out
    tokens: int  # held out and predicted

    @property
    def flops(self) -> int:
        """Operations of one optimiser step."""
        return self.forward_flops + self.backward_flops

    @property
    def parameters_from_budget(self) -> float:
        """Relative distance of the parameters from the budget, signed."""
        return self.parameters / self.parameter_budget - 1

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "flops": self.flops, "parameters_from_budget": self.parameters_from_budget}


def read_ledgers(cells: Cells, *, parameter_budget: int) -> dict[str, list[Ledger]]:
    """Return the ledgers of all cells: by model, in the order of the seeds."""
    return {
        model: [_read(cell, cells.audits[model], parameter_budget) for cell in group]
        for model, group in cells.by_model.items()
    }


def _read(cell: Cell, audit: Audit | None, parameter_budget: int) -> Ledger:
    evaluation, manifest = cell.evaluation, cell.manifest
    tuning = manifest.tuning
    return Ledger(
        model=evaluation.model,
        seed=evaluation.seed,
        parameters=evaluation.parameters.total,
        parameters_embedding=evaluation.parameters.embedding,
        parameters_non_embedding=evaluation.parameters.non_embedding,
        parameter_budget=parameter_budget,
        tied_embeddings=manifest.tied_embeddings,
        forward_flops=manifest.costs.forward_flops,
        backward_flops=manifest.costs.backward_flops,
        steps=manifest.steps,
        training_tokens=manifest.tokens,
        state_size=evaluation.state_size,
        peak_memory_bytes=manifest.costs.peak_memory_bytes,
        tuning_trials=0 if tuning is None else tuning.trials,
        tuning_tokens=0 if tuning is None else tuning.tokens,
        initial_weights=manifest.initial_weights,
        initialisation=manifest.initialisation,
        data_order=manifest.data_order,
        audit_passed=None if audit is None else audit.passed,
        data=cell.data,
        documents=len(evaluation.documents),
        tokens=evaluation.tokens,
    )
