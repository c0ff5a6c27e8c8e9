"""Evaluation: held-out loss by document and by position, and the n-gram baselines beside it."""
