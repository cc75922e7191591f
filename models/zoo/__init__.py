"""Networks by name: our own with their weights, those of torchvision, factories and ``.pt2`` files of users."""
