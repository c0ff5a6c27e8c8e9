"""Show every cell and the comparison in MLflow."""

from pathlib import Path

from resnetbk.stage import stage


def main(params) -> None:
    from resnetbk.tracking.track import track

    track(params, root=Path())


if __name__ == "__main__":
    stage(main)
