"""Long work: from a source to a finished file, with checkpoints."""
