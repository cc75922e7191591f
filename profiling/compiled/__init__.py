"""What compiled code is built from: how it is compiled and kept, vector instructions, a trial."""
