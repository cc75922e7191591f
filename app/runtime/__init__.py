"""What turns bytes into verdicts: decoders, loaded bundles and the thread that runs the models."""
