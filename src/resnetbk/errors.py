"""The one kind of error that a user can mend: its message says what, where, what was expected, what to do."""


class UserError(Exception):
    """Something that the user can put right; commands print the message alone, without a traceback."""
