"""The kernel for CPUs, compiled by numba."""
