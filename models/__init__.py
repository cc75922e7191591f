"""The networks that are protected: capture, canonical graph, preprocessing, training, zoo."""
