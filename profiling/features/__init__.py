"""Features of an image, as numbers: similarity of its path to signatures, confidence, views."""
