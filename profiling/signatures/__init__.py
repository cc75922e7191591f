"""Class signatures: what the paths of a class usually contain."""
