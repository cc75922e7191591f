"""Adaptive white-box attack: an attacker who knows the detector."""
