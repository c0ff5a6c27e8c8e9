"""The report's figures: one a file, from a pandas DataFrame to the bytes of an SVG file."""
