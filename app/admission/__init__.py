"""What happens to a request before its body is read: its id, who sends it, and whether there is room for it."""
