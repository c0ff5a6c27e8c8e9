"""MLflow as a view of the versioned files. Losing it loses nothing: `dvc repro -f -s track` fills it again.

Cells do not open MLflow (seconds each, and several first writers at once crash a fresh SQLite file). A cell
leaves a record of who made it, where and how fast in the spool; the stage `track` sends everything in one go.
"""
