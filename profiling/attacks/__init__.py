"""Adversarial images to fit and evaluate with."""
