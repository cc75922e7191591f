"""What is in a run, a profile or a bundle, for people: nothing is changed by looking."""
