"""Files and devices: pictures, videos, and what is wrong with them."""
