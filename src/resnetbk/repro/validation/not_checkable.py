"""The sign that a check cannot judge."""


class NotCheckable(Exception):
    """A check cannot judge, because of something that another check reports."""
