"""Drawings of what is behind a verdict: a scene of shapes, written as SVG, as PNG, or into a page."""
