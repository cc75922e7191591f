"""Other detectors, each from its paper, fitted and calibrated on the same images as ours."""
