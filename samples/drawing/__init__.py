"""The samples, drawn by code: scenes, painted pictures and sound."""
