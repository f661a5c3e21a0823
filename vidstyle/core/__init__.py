"""The method: one image, and images that move. It knows no files, no ffmpeg and no clock."""
