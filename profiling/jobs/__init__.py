"""The offline jobs: profile a network, fit a detector."""
