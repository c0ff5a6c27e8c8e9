"""Recorded runs made again: replay one and compare its bits, explain why two differ, find where they part.

A run is a trained cell as MLflow holds it. It is made again in a git worktree of its commit with its recorded
diff, from its own params.yaml, by the stages of that tree: nothing of the tree that asks is changed. That runs
the code of the run, diff included: replay only runs of a tracking server that you trust.
"""
