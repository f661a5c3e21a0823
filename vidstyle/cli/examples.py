"""Examples of commands: those of no arguments, and those under the help of each command."""

START = """\
vidstyle paints videos and images in the style of an image.

  vidstyle clip.mp4 --style monet.jpg     paints a video to clip_monet.mp4
  vidstyle photo.jpg --style swirl.jpg    paints an image to photo_swirl.jpg
  vidstyle webcam --style swirl.jpg       paints what a camera sees

All options and commands: vidstyle --help
A check of this machine:  vidstyle doctor"""
