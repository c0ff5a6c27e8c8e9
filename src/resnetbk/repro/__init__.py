"""Reproducibility: the same bits from the same inputs, and the record that proves it.

Usable alone: nothing here imports from the rest of `resnetbk`.
"""
