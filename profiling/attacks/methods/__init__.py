"""Methods of attack, one file each."""
