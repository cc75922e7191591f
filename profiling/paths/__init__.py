"""Effective paths: rules give geometry, a policy says how much is enough, kernels do the work."""
