"""Baselines: other detectors, each from its paper, fitted and calibrated on the same images as Pathprint's."""
