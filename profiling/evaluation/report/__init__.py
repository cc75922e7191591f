"""A report as one HTML page, from the same figures as the JSON (docs/evaluation.md)."""
