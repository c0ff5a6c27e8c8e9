"""Who has the lower loss, and whether that can be said: cells, ledger, statistics, verdicts."""
