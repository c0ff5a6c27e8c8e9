"""A reproducible, audited comparison of ResNet-BK with Mamba and Transformers."""

__version__ = "0.1.0"
