"""Times and memory as measured on the machine at hand: shown, and never hashed or compared across machines."""
