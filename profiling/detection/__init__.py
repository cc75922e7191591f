"""From features to a verdict with reasons: classifiers, calibration, evidence, the detector."""
