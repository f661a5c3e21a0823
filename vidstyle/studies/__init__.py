"""The parts of the method on their own, and how a painting comes to be."""
