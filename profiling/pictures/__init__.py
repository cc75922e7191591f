"""What is behind a verdict as data to draw: the path of an image beside what its class usually does."""
