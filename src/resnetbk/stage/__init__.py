"""How a script in stages/ runs: what every one of them shares, and the proof that dvc.yaml tells the truth of it.

DVC believes what dvc.yaml says of a stage. So each stage takes the hashes of what it depends on before and after
its work (`inputs`), gives its work only the parameters that are declared (`params`), and compares the files that
were opened with those that are declared (`hermetic`).
"""

from resnetbk.stage.run import stage

__all__ = ["stage"]
