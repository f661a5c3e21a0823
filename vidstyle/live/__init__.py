"""Painting what a camera sees, as it sees it."""
