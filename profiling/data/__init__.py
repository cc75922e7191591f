"""Images and labels: where they come from, who may see which, which are answered rightly."""
