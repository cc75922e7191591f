"""Compiled code (numba): vector instructions, how functions are compiled and kept, and a trial of both."""
