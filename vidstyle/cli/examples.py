"""Examples of commands: those of no arguments, and those under the help of each command."""

START = """\
vidstyle paints videos and images in the style of an image.

  vidstyle clip.mp4 --style monet.jpg     paints a video to clip_monet.mp4
  vidstyle photo.jpg --style swirl.jpg    paints an image to photo_swirl.jpg
  vidstyle webcam --style swirl.jpg       paints what a camera sees

Show all options and commands: vidstyle --help
Check this machine:            vidstyle doctor"""

_COMMANDS = {
    "": """
  vidstyle clip.mp4 --style monet.jpg
  vidstyle clip.mp4 --style monet.jpg --preset draft --preview
  vidstyle clip.mp4 --style monet.jpg --strength 0.3 --keep-colors luminance
  vidstyle videos/ --style woodcut.jpg""",
    "webcam": """
  vidstyle webcam --style swirl.jpg
  vidstyle webcam --style swirl.jpg --snapshot me.jpg --countdown 3
  vidstyle webcam --style swirl.jpg --record me.mp4 --seconds 30""",
    "progress": """
  vidstyle progress photo.jpg --style swirl.jpg
  vidstyle progress photo.jpg --style swirl.jpg -o steps.mp4 --beside --curve""",
    "reconstruct": """
  vidstyle reconstruct photo.jpg --layer conv4_2
  vidstyle reconstruct photo.jpg --all-layers -o reconstructions/""",
    "texture": """
  vidstyle texture monet.jpg --size 512x384
  vidstyle texture monet.jpg --tile -o tile.png""",
    "layers": """
  vidstyle layers photo.jpg --style swirl.jpg
  vidstyle layers photo.jpg --style swirl.jpg --grid style:content""",
    "report": """
  vidstyle report clip_monet.mp4 --source clip.mp4 --style monet.jpg
  vidstyle report weak.mp4 strong.mp4 --source clip.mp4 --style monet.jpg""",
    "plan": """
  vidstyle plan clip.mp4 --style monet.jpg -o out.mp4
  vidstyle paint out.mp4.vidstyle 0
  vidstyle join out.mp4.vidstyle""",
    "paint": """
  vidstyle paint out.mp4.vidstyle 0""",
    "join": """
  vidstyle join out.mp4.vidstyle""",
    "serve": """
  vidstyle serve --open
  vidstyle serve --jobs jobs/ --keep-days 30
  VIDSTYLE_AUTH=ann:SECRET vidstyle serve --host 192.168.1.5""",
    "weights": """
  vidstyle weights fetch
  vidstyle weights teach holiday/ monet.jpg -o mine.safetensors
  vidstyle clip.mp4 --style monet.jpg --weights mine.safetensors""",
    "weights status": """
  vidstyle weights status""",
    "weights fetch": """
  vidstyle weights fetch
  vidstyle weights fetch raft-small""",
    "weights import": """
  vidstyle weights import vgg19-dcbb9e9d.pth""",
    "weights teach": """
  vidstyle weights teach holiday/ monet.jpg -o mine.safetensors
  vidstyle clip.mp4 --style monet.jpg --weights mine.safetensors""",
    "doctor": """
  vidstyle doctor
  vidstyle doctor --json""",
    "--install-completion": """
  vidstyle --install-completion
  vidstyle --install-completion --shell zsh""",
}


def examples(command: str = "") -> str:
    """Examples of a command, by its name, as they stand under its help; of the painting of files without a name."""
    return f"Examples:{_COMMANDS[command]}"
