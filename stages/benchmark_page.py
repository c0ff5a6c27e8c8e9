"""Time how soon the report answers a click in a browser on this machine, which should be idle for a minute."""

from pathlib import Path

from resnetbk.stage import stage


def main(params) -> None:
    from resnetbk.benchmark.report_page import TARGETS, page_figures, time_report
    from resnetbk.benchmark.reproducibility import compare_with_targets
    from resnetbk.repro.files import write_json

    details = time_report(Path("report/index.html"))
    figures = page_figures(details)
    write_json("metrics/benchmark_page_details.json", details)
    write_json("metrics/benchmark_page.json", figures)
    print(*compare_with_targets(figures, TARGETS), sep="\n")


if __name__ == "__main__":
    stage(main, determinism="fast", description="benchmark/dvc.yaml")
