"""A client of the service; it needs neither torch nor anything else of this package."""
