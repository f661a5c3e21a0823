"""TIFF files: the first image, of any depth, layout and colour space."""
