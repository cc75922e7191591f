"""From a torch module to a canonical graph: export, decompose, fold, check."""
