"""Draw the figures and write the report from what the other stages have measured."""

from resnetbk.stage import stage


def main(params):
    from resnetbk.report.build import build_report
    from resnetbk.repro.files import write_bytes

    for path, content in build_report(params).items():
        write_bytes(path, content)


if __name__ == "__main__":
    stage(main)
