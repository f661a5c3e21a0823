"""Front ends: the only part that talks to people."""
