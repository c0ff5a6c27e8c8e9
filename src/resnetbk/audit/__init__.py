"""Audits: what a model and its data must prove before anything is trained on them."""
