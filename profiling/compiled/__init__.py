"""Compiled code (numba): vector instructions, and where compiled functions are kept."""
