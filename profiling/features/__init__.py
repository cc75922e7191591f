"""A path as numbers: similarity to signatures, confidence, views."""
