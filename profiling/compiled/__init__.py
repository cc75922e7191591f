"""What compiled code is built from: vector instructions."""
