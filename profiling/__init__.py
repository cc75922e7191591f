"""Effective paths, class signatures, the detector, offline jobs and the command line."""
