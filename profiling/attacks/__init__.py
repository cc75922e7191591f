"""Attacks and benign controls: one declaration each, one small file per method."""
