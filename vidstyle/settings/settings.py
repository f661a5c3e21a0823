"""How a painting is to look: every option once, with its default, its help and its check.

The command line, the page and the table in ``docs/options.md`` are made by a loop over
``dataclasses.fields(Settings)``. Where it runs (device, file names) is not a setting.
"""

import difflib
import json
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from vidstyle.errors import SettingsError
from vidstyle.settings.keyframes import Key, parse_number_keys, parse_shares, parse_style_keys
from vidstyle.settings.layers import parse_layers
from vidstyle.settings.presets import PRESETS, STANDARD

PAINTING, STYLE, MOTION, NETWORK = "Painting", "Style and content", "Motion", "Network"
STYLES = "Several styles and masks"
VIDEO_FILE = "Video file"

SHORTEST_CHUNK = 192  # frames

FlowName = Literal["dis", "farneback", "raft-small", "raft-large", "none"]

_Check = Callable[[Any], bool]


def _option(default: Any, group: str, help: str, check: _Check = lambda _: True, wanted: str = "") -> Any:
    """A field of Settings: `check` must hold for its value, else the error says that `wanted` was wanted."""
    return field(default=default, metadata={"group": group, "help": help, "check": check, "wanted": wanted})


def _from_to(low: float, high: float) -> tuple[_Check, str]:
    return lambda value: low <= value <= high, f"a number from {low:g} to {high:g}"


_NOT_NEGATIVE: tuple[_Check, str] = (lambda value: 0 <= value < float("inf"), "0 or more")
_ONE_OR_MORE: tuple[_Check, str] = (lambda value: value >= 1, "1 or more")


def _is_empty_or(parse: Callable[[str], object]) -> _Check:
    """Whether a text is empty, or what `parse` can read; it raises otherwise."""
    return lambda text: not text or bool(parse(text))


def _are_layers(text: str) -> bool:
    return bool(parse_layers(text))


def _are_look_backs(text: str) -> bool:
    parts = [part.strip() for part in text.split(",")]
    return all(p.isascii() and p.isdigit() and 1 <= int(p) <= 64 for p in parts) and any(int(p) == 1 for p in parts)


def _is_size(text: str) -> bool:
    return text in ("auto", "full") or (text.isascii() and text.isdigit() and int(text) >= 32)


@dataclass(frozen=True)
class Settings:
    """How to paint. Frozen; make variants with `replace` or `preset`.

    The metadata of each field give its group, help and check. Raises SettingsError if a value cannot be used, or if
    values do not fit together.
    """

    strength: float = _option(
        0.5,
        STYLE,
        "Strength of the style, from 0 (content dominates) to 1 (style dominates). It changes shapes; the colours stay "
        "those of the style unless --keep-colors is given. The balance is found for each job.",
        *_from_to(0, 1),
    )
    content_layers: str = _option(
        "conv3_1,conv4_2", STYLE, "Content layers with weights, such as conv4_2=1,conv5_2=0.5.", _are_layers
    )
    style_layers: str = _option(
        "conv1_1=16,conv2_1=8,conv3_1=4,conv4_1=2,conv5_1=1",
        STYLE,
        "Style layers with weights, such as conv1_1=1,conv3_1=0.2.",
        _are_layers,
    )
    content_weight: float = _option(1.0, STYLE, "Factor of the content loss, on top of the balance.", *_NOT_NEGATIVE)
    style_weight: float = _option(1.0, STYLE, "Factor of the style loss, on top of the balance.", *_NOT_NEGATIVE)
    tv_weight: float = _option(0.0, STYLE, "Weight of the total variation loss; higher is smoother.", *_NOT_NEGATIVE)
    loss: Literal["relative", "sums"] = _option(
        "relative",
        STYLE,
        "Form of the losses: relative errors with automatic balance, or sums of squares as in the paper.",
    )
    style_loss: Literal["gram", "covariance", "wasserstein2", "histogram", "sliced"] = _option(
        "gram", STYLE, "Feature statistic that defines the style."
    )
    style_scale: float = _option(1.0, STYLE, "Size of the strokes; 2 doubles it.", *_from_to(0.01, 100))
    keep_colors: Literal["no", "luminance", "match", "free"] = _option(
        "no",
        STYLE,
        "Colours of the result. no: those of the style. luminance: at each pixel those of the source; only "
        "lightness is painted. match: those of the source, but strokes can move them; the style is recoloured to match "
        "the source. free: a mixture of both; neither is recoloured.",
    )
    style_blend: str = _option(
        "", STYLES, "Share of each style, such as 0.7,0.3. Default: equal shares.", _is_empty_or(parse_shares)
    )
    style_keys: str = _option(
        "",
        STYLES,
        "Styles over time, such as '0s=source, 4s=A, 8s=0.5A+0.5B'. A is the first style.",
        _is_empty_or(parse_style_keys),
    )
    strength_keys: str = _option(
        "", STYLES, "Strength over time, such as '0s=0.2, 4s=0.8'.", _is_empty_or(parse_number_keys)
    )
    style_per_shot: bool = _option(False, STYLES, "Change to the next style at each new shot.")
    feather: float = _option(
        1.0, STYLES, "Width of the soft edge inside a mask, in percent of the long side.", *_from_to(0, 50)
    )
    steps: int = _option(
        20, PAINTING, "Optimisation steps at each scale of an image, or of the first frame of a shot.", *_ONE_OR_MORE
    )
    frame_steps: int = _option(
        2, PAINTING, "Steps for each following frame; up to 2.5 times as many where areas are new.", *_ONE_OR_MORE
    )
    every: int = _option(
        2,
        MOTION,
        "Optimise every Nth frame; the frames between are the painting moved along the motion. Frames that show much "
        "that is new are always optimised.",
        *_ONE_OR_MORE,
    )
    flow: FlowName = _option("dis", MOTION, "Optical flow method.")  # noqa: RUF009 (frozen)
    stability: float = _option(
        4.0,
        MOTION,
        "How far a pixel may change between frames, in levels of 0 to 255. Lower is more stable.",
        lambda v: 0 < v <= 255,
        "a number above 0, at most 255",
    )
    look_back: str = _option(
        "1,2,4",
        MOTION,
        "Earlier frames to reuse for areas that reappear. Must include 1.",
        _are_look_backs,
        "whole numbers from 1 to 64 that include 1, such as 1,2,4",
    )
    passes: int = _option(
        1,
        MOTION,
        "Number of passes over each shot. 2 adds a backward pass, for fast camera motion.",
        lambda v: v in (1, 2),
        "1 or 2",
    )
    loop: bool = _option(False, MOTION, "Make the end of the video match its start. Implies two passes.")
    chunk_frames: int = _option(
        0,
        MOTION,
        "Split long shots into chunks of about this many frames, which machines paint at the same time. 96 frames "
        "before each chunk are painted twice and cross-faded. 0 keeps shots whole.",
        lambda v: v == 0 or v >= SHORTEST_CHUNK,
        f"0, or {SHORTEST_CHUNK} or more",
    )
    keep_exposure: float = _option(
        1.0, MOTION, "How much of the fades, flashes and darkness of the source to keep, from 0 to 1.", *_from_to(0, 1)
    )
    scales: int = _option(
        3,
        PAINTING,
        "Number of scales, from coarse to fine; each is twice as large as the one before.",
        lambda v: 1 <= v <= 8,
        "1 to 8",
    )
    init: str = _option("content", PAINTING, "Initial image: content, random, or an image file.")
    optimizer: Literal["quasi-newton", "lbfgs"] = _option(
        "quasi-newton",
        PAINTING,
        "Optimiser: quasi-newton with preconditioned colours, or lbfgs on plain pixels as in the paper.",
    )
    size: str = _option(
        "auto",
        PAINTING,
        "Long side in pixels, full, or auto. auto is the size of the source on a GPU, and at most 640 on a CPU.",
        _is_size,
        "auto, full, or a number of pixels, at least 32",
    )
    seed: int = _option(
        0,
        PAINTING,
        "Random seed, for the noise and the self-taught weights.",
        lambda v: 0 <= v < 2**63,
        "a whole number from 0 to 2**63 - 1",
    )
    weights: str = _option(
        "auto", NETWORK, "Network weights: auto, imagenet, selftaught, or a .pth or .safetensors file of VGG19."
    )
    pooling: Literal["auto", "max", "avg"] = _option(
        "auto", NETWORK, "Pooling between blocks. auto is max for ImageNet weights and avg for others."
    )
    precision: Literal["auto", "fp32", "tf32", "bf16", "fp16"] = _option(
        "auto",
        NETWORK,
        "Precision of the network's convolutions. auto is bf16 on an NVIDIA GPU that supports it, and fp32 elsewhere.",
    )
    codec: Literal["auto", "h264", "hevc", "av1", "vp9", "prores", "ffv1"] = _option(
        "auto", VIDEO_FILE, "Video codec. auto is vp9 for .webm and h264 for others."
    )
    encoder: Literal["software", "hardware", "nvenc", "qsv", "amf", "videotoolbox", "vaapi"] = _option(
        "software",
        VIDEO_FILE,
        "Encoder of h264, hevc, av1 and vp9. hardware is the first of the others that works here: faster, in larger "
        "files.",
    )
    quality: str = _option(
        "auto",
        VIDEO_FILE,
        "CRF, lower is better: auto is 18 for h264, 20 for hevc, 24 for av1 and vp9. For prores, the profile, 0 to 5 "
        "(auto: 3). For .gif, the number of colours (256). For .webp, 0 to 100 (90).",
        lambda text: text == "auto" or (text.isascii() and text.isdigit() and len(text) < 4),
        "auto or a whole number",
    )
    pix_fmt: str = _option(
        "auto", VIDEO_FILE, "Pixel format, such as yuv420p10le. auto uses 8 bits for h264 and vp9, 10 bits for others."
    )
    lut: str = _option("", VIDEO_FILE, "3D LUT for log footage: a .cube file that converts the source to Rec. 709.")

    def __post_init__(self) -> None:
        for option, kind in zip(fields(self), get_type_hints(Settings).values(), strict=True):
            value, choices = getattr(self, option.name), get_args(kind)
            if not option.metadata["check"](value) or (choices and value not in choices):
                name, wanted = option.name.replace("_", "-"), option.metadata["wanted"] or " or ".join(choices)
                raise SettingsError("VS244", name=name, wanted=wanted, value=reprlib.repr(value))
        if self.loss == "sums" and self.strength != Settings.strength:
            raise SettingsError("VS237")
        if self.loss == "sums" and (self.style_loss != "gram" or self.strength_keys):
            raise SettingsError("VS238")
        if sum(map(bool, (self.style_blend, self.style_keys, self.style_per_shot))) > 1:
            raise SettingsError("VS239")
        if not self.content_weight and not self.style_weight:
            raise SettingsError("VS240")
        if self.chunk_frames and self.both_ways:
            raise SettingsError("VS245")

    @classmethod
    def preset(cls, name: str, **changes: Any) -> "Settings":
        """The settings of a preset (``draft``, ``standard``, ``fine``, ``paper``) with changes of fields, by name.

        Raises SettingsError if there is no such preset, or a value cannot be used.
        """
        if name not in PRESETS:
            near = difflib.get_close_matches(name, PRESETS, 1) or list(PRESETS)
            raise SettingsError("VS241", name=name, near=" or ".join(near))
        return cls(**{**PRESETS[name], **changes})

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "Settings":
        """The settings of options by name, which may name a ``preset``; the errors of `preset`."""
        changes = {name: value for name, value in options.items() if name != "preset"}
        return cls.preset(options.get("preset", STANDARD), **changes)

    def replace(self, **changes: Any) -> "Settings":
        """The settings with changes of fields, by name; SettingsError where a value cannot be used."""
        return replace(self, **changes)

    def to_json(self) -> str:
        """All fields as a JSON object, the same for the same settings."""
        return json.dumps(asdict(self), sort_keys=True)

    @property
    def style_layer_weights(self) -> dict[str, float]:
        """The layers that hold the style, with shares that sum to 1; none where it counts nothing."""
        return _shares(parse_layers(self.style_layers)) if self.style_weight else {}

    @property
    def content_layer_weights(self) -> dict[str, float]:
        """The layers that hold the content, with shares that sum to 1; none where it counts nothing."""
        return _shares(parse_layers(self.content_layers)) if self.content_weight else {}

    @property
    def layers(self) -> tuple[str, ...]:
        """All layers whose activations are used."""
        return tuple({**self.style_layer_weights, **self.content_layer_weights})

    @property
    def keyed_strengths(self) -> tuple[Key, ...]:
        """The keys of a strength that changes over a video, one number 0..1 each; none where it does not."""
        return parse_number_keys(self.strength_keys) if self.strength_keys else ()

    @property
    def keyed_styles(self) -> tuple[Key, ...]:
        """The keys of styles that change over a video, the share 0..1 of each style; none where they do not."""
        return parse_style_keys(self.style_keys) if self.style_keys else ()

    @property
    def blend(self) -> tuple[float, ...] | None:
        """The share 0..1 of each style; None for the same of all."""
        return parse_shares(self.style_blend) if self.style_blend else None

    def check_blend(self, styles: int) -> None:
        """SettingsError unless a blend has a share for each of so many styles."""
        found = len(self.blend or ())
        if found not in (0, styles):
            raise SettingsError("VS242", found=found, styles=styles)

    @property
    def look_backs(self) -> tuple[int, ...]:
        """Frames back, the closest first."""
        return tuple(sorted({int(part) for part in self.look_back.split(",")}))

    @property
    def grade(self) -> int | None:
        """The quality of a video's file in its codec's own scale; None for the codec's default."""
        return None if self.quality == "auto" else int(self.quality)

    @property
    def both_ways(self) -> bool:
        """Whether videos are painted forwards and backwards."""
        return self.passes == 2 or self.loop

    @property
    def init_file(self) -> Path | None:
        """The image that paintings start from, if one is named."""
        return None if self.init in ("content", "random") else Path(self.init)

    @property
    def lut_file(self) -> Path | None:
        """The 3D LUT that a video goes through, if one is named."""
        return Path(self.lut) if self.lut else None

    @property
    def weights_file(self) -> Path | None:
        """The file that the filters come from, if there is one of that name."""
        return Path(self.weights) if Path(self.weights).is_file() else None


def _shares(weights: Mapping[str, float]) -> dict[str, float]:
    """Weights that sum to 1, so that using more layers does not mean a larger loss."""
    total = sum(weights.values())
    return {layer: weight / total for layer, weight in weights.items()}
