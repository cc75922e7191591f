"""Honest figures: on images nothing has seen, per attack, with intervals."""
