"""What the service tells its operator about its decisions."""
