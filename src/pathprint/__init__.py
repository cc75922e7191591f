"""Pathprint: detects adversarial images by the effective path they take through a network."""
