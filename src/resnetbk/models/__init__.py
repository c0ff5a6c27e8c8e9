"""Language models behind one registry: one family per module, one token mixer per file in `mixers`.

Nothing is imported here, so that a run loads (and the audit records) only the files of its own model.
"""
