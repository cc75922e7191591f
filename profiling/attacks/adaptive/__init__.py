"""An attacker who knows the detector."""
