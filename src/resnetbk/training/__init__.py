"""Training: one loop for every model, its schedule, its loss and its checkpoints."""
