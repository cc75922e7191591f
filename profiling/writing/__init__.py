"""Files and folders that are written whole or not at all, to places that were checked before the work."""
