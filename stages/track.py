"""Show every cell and the comparison in MLflow, and note what was shown.

The note is neither cached nor committed: a new clone, whose MLflow is empty, has none and so sends everything.
"""

from pathlib import Path

from resnetbk.stage import stage


def main(params) -> None:
    from resnetbk.repro.files import sha256_file, write_json
    from resnetbk.tracking.track import track

    track(params, root=Path())
    cells = [f"{model}-{seed}" for model in params.run.models for seed in params.run.seeds]
    write_json("metrics/tracked.json", {cell: sha256_file(f"models/{cell}/manifest.json") for cell in cells})


if __name__ == "__main__":
    stage(main)
