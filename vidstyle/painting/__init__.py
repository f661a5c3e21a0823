"""One picture: losses, targets, descent, coarse to fine."""
