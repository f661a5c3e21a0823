"""Pictures to features: the network, its filters, and where they come from."""
