"""The tuning budget: the same trials for every model, chosen on validation, and all of them kept."""
