"""The method: one image, and films. It opens no images or videos and starts no ffmpeg."""
