"""The report's tables as plain text cells: every number in them comes from a measured file."""

from resnetbk.report.tables.table import Link, Row, Table

__all__ = ["Link", "Row", "Table"]
