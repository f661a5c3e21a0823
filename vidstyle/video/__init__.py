"""Video files, animations and cameras, in and out."""
