"""Between pictures: optical flow, cuts, and what one frame hands to the next."""
