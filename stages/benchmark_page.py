"""Time how soon the report answers a click in a browser on this machine, which should be idle for a minute."""

from pathlib import Path

from resnetbk.stage import stage


def main(params) -> None:
    from resnetbk.benchmark.record import write_record
    from resnetbk.benchmark.report_page import TARGETS, page_figures, time_report

    details = time_report(Path("report/index.html"))
    write_record("benchmark_page", details, page_figures(details), TARGETS)


if __name__ == "__main__":
    stage(main, determinism="fast", description="benchmark/dvc.yaml")
