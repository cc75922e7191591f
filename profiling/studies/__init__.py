"""The papers' own studies of paths and signatures, one a file (docs/studies.md)."""
