"""The commands of ``pathprint``: each parses, calls the engine, and prints."""
