"""MLflow as a view of the versioned files: losing it loses nothing, `resnetbk tracking rebuild` fills it again.

A training opens no tracker (seconds each, and several first writers at once crash a fresh SQLite file). It writes
a journal, and its cell leaves a record of who made it, where and how fast in the spool. `live` shows journals as
they grow, in MLflow and other trackers (`sink`); the stage `track` sends the rest and completes the same runs.
"""
