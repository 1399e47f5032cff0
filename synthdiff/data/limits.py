"""Limits: what a header may ask for before memory is given to it."""

LARGEST = 1 << 30
"""A volume has no more voxels than this: 2,048 slices of 724 x 724. A picture has a sixteenth of it."""

PACKED = 1032
"""Deflate, in gzip and zip, makes nothing smaller than by this factor: a file cannot hold more."""
