"""The method: one image, and videos. It opens no images or videos and starts no ffmpeg."""
