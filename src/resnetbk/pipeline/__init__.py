"""The pipeline of dvc.yaml from outside: run it side by side, rebuild it from nothing, certify what came out."""

from resnetbk.pipeline.reproduction import reproduce
from resnetbk.pipeline.verification import verify

__all__ = ["reproduce", "verify"]
