"""The report of an evaluation as one HTML page, made from the figures that the JSON contains (docs/evaluation.md)."""
