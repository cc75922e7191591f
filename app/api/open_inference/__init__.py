"""The part of the Open Inference Protocol (version 2) that the service speaks, with tensors in binary."""
