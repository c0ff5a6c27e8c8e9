"""Tasks that tell mixers apart: sequences whose answers are known, small models trained on them, their scores."""
