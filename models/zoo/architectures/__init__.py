"""Our own small classifiers, as plain PyTorch modules."""
