"""metrics/comparison.json: what every cell was given, and the same cells matched on something else."""

from __future__ import annotations

from resnetbk.report.shapes.shape import Count, Loss, Positive, Shape


class Ledger(Shape):
    """What one cell was given and cost: operations and memory are those of an optimiser step."""

    model: str
    seed: int
    parameters: Count
    parameters_embedding: Count
    parameters_non_embedding: Count
    parameters_from_budget: float
    parameter_budget: Count
    tied_embeddings: bool
    forward_flops: Count
    backward_flops: Count
    flops: Count
    steps: Count
    training_tokens: Count
    state_size: Count
    peak_memory_bytes: Count
    tuning_trials: Count
    tuning_tokens: Count
    initial_weights: str
    initialisation: str
    data_order: str
    audit_passed: bool | None


class AtBudget(Shape):
    """A model when the budget is spent; no loss where it was not validated that early."""

    step_cost: Positive
    steps: Positive
    loss: Loss | None
    loss_by_seed: list[Loss | None]
    difference: float | None


class BudgetView(Shape):
    budget: Positive
    models: dict[str, AtBudget]


class NotMeasured(Shape):
    not_measured: str


class ModelState(Shape):
    state_size: Count
    loss: Loss
    comparable: bool
    surpassed_by: list[str]


class StateView(Shape):
    models: dict[str, ModelState]


class Views(Shape):
    flops: BudgetView
    state_size: StateView
    seconds: BudgetView | NotMeasured
