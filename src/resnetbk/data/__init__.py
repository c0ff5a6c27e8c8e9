"""Data: sources, splits, tokenizers, and the packed corpus that batches are drawn from."""
