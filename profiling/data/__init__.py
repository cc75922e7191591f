"""Images and labels: where they come from, their roles, and which are classified correctly."""
