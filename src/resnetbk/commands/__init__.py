"""The subcommands of `resnetbk`, a file each, found by its name.

A module's docstring is its help; `EXAMPLE` shows its use, a line for each example and an example for each verb;
`NOTES`, if it is there, stands below them, in paragraphs; `configure(parser)` adds its arguments; `run(options)`
does the work and returns the exit code, None for 0. Heavy libraries are imported inside `run`: help comes at once.
"""

SHARED = ("arguments", "columns")  # what several subcommands use
