"""Slow, plain definitions that the fast code must agree with."""
