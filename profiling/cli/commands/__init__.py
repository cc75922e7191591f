"""The commands of ``pathprint``, one file each: it parses, calls the engine, and prints.

The engine is imported inside the functions: help and wrong calls are answered without it.
"""
