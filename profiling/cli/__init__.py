"""The ``pathprint`` command."""
