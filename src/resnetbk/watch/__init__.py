"""Shows a running pipeline: which cells are done, running and waiting, how far each training is, what is left.

It only looks. Done is what dvc.lock records as made from the present files; running is what the system's processes
say; steps, losses and times are those of the journals of the trainings. So it works beside whatever started the
stages: `make reproduce`, `dvc repro`, or the queue's workers in their copies of the repository.
"""

from resnetbk.watch.snapshot import Cell, Tree
from resnetbk.watch.watcher import Watcher

__all__ = ["Cell", "Tree", "Watcher"]
