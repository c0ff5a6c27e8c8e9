"""Searches over params.yaml: Optuna proposes, DVC runs each proposal as an experiment, validation judges."""
