"""What a path holds that is to be painted, and what the painting is called where nobody says."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from vidstyle.errors import SettingsError, SourceError
from vidstyle.files import refuse_address
from vidstyle.images import IMAGE_ENDINGS, is_animated, require_image
from vidstyle.video.codecs import VIDEO_ENDINGS
from vidstyle.video.frame_names import FrameNames
from vidstyle.video.reader import find_clips, find_images
from vidstyle.video.sequence import find_sequence

Kind = Literal["video", "animation", "sequence", "image", "images", "clips"]

FILMS: tuple[Kind, ...] = "video", "animation", "sequence"  # kinds that are painted frame after frame
ANIMATION_ENDINGS = (".gif", ".webp", ".png")


def kind_of(source: Path, *, as_video: bool = False) -> Kind:
    """What a path is, by what it holds where its ending does not tell; SourceError when there is nothing.

    SettingsError where something is to be a video, `as_video`, that is no folder or pattern of images.
    """
    several = source.is_dir() or (not source.exists() and re.search(r"[*?\[]", source.name))
    if FrameNames.of_pattern(source) or (several and as_video):
        find_sequence(source)
        return "sequence"
    if as_video and source.exists():
        raise SettingsError("VS277")
    if source.is_dir() and find_clips(source):
        return "clips"
    if several:
        find_images(source)
        return "images"
    if not source.exists():
        refuse_address(source)
        raise SourceError("VS301", path=source)
    if source.suffix.lower() in (*IMAGE_ENDINGS, *ANIMATION_ENDINGS):
        require_image(source)
        return "animation" if is_animated(source) else "image"
    return "video"


def default_output(source: Path, styles: Sequence[Path], kind: Kind) -> Path:
    """``clip.mp4`` in the style of ``monet.jpg`` is ``clip_monet.mp4``, beside the video."""
    named = "_".join(style.stem for style in styles)
    if kind == "sequence":
        if source.is_dir():
            return source.resolve().parent / _without_ending(f"{source.resolve().name}_{named}")
        names, _ = find_sequence(source)
        return names.folder / _without_ending(f"{names.before.rstrip('._- ') or 'frames'}_{named}")
    if kind in ("images", "clips"):
        folder = (source if source.is_dir() else source.parent).resolve()
        return folder.with_name(f"{folder.name}_{named}")
    endings = {"video": VIDEO_ENDINGS, "animation": ANIMATION_ENDINGS, "image": IMAGE_ENDINGS}[kind]
    fallback = {"video": ".mp4", "animation": ".gif", "image": ".png"}[kind]
    suffix = source.suffix if source.suffix.lower() in endings else fallback
    return source.with_name(f"{source.stem}_{named}{suffix}")


def _without_ending(name: str) -> str:
    """A name of a folder that looks like one."""
    return name.replace(".", "_")
