"""The subcommands of `resnetbk`, a file each.

A module's docstring is its help; `EXAMPLE` shows its use; `configure(parser)` adds its arguments; `run(options)`
does the work and returns the exit code, None for 0. Heavy libraries are imported inside `run`: help comes at once.
"""
