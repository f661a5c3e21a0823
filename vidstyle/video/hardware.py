"""Hardware encoders: how ffmpeg chooses them, and which of them work on this machine."""

from __future__ import annotations

from functools import cache

from vidstyle.errors import SettingsError
from vidstyle.files import printable
from vidstyle.video import ffmpeg

SOFTWARE, ANY = "software", "hardware"
_H264, _HEVC, _AV1, _VP9 = "h264", "hevc", "av1", "vp9"
INTERFACES = {  # the codecs of each, by ffmpeg's names; in the order in which they are tried
    "nvenc": (_H264, _HEVC, _AV1),
    "qsv": (_H264, _HEVC, _AV1, _VP9),
    "amf": (_H264, _HEVC, _AV1),
    "videotoolbox": (_H264, _HEVC),
    "vaapi": (_H264, _HEVC, _AV1, _VP9),
}
UPLOADS = {"vaapi": ",format=nv12|p010le,hwupload"}  # filters of those that take frames in their own memory only
_SIDES = "320x192"  # of the frame that is tried; some encoders refuse smaller ones
_SECONDS = 20.0  # that it may take
_QUANTISERS = 255  # of AV1 and VP9, where an interface counts in these and not in those of CRF, which end at 63


def hardware_options(interface: str, codec: str, quality: int) -> tuple[str, ...]:
    """ffmpeg's options for a hardware encoder.

    Args:
        interface: one of INTERFACES, which has the codec.
        codec: such as ``h264``.
        quality: as CRF has it: 0 to 51, of AV1 and VP9 0 to 63; lower is better. Interfaces take 0 for no wish.
    """
    crf = max(1, quality)
    quantiser = str(crf * _QUANTISERS // 63 if codec in (_AV1, _VP9) else crf)
    chosen = {
        "nvenc": ("-rc", "vbr", "-b:v", "0", "-cq", str(crf)),
        "qsv": ("-global_quality", str(max(1, crf * 51 // 63) if codec in (_AV1, _VP9) else crf)),
        "amf": ("-rc", "cqp", "-qp_i", quantiser, "-qp_p", quantiser),
        "videotoolbox": ("-q:v", str(max(1, 100 - 2 * crf))),  # from 1, the worst, to 100
        "vaapi": (
            *("-init_hw_device", "vaapi=gpu", "-filter_hw_device", "gpu"),
            *("-rc_mode", "CQP", "-global_quality", quantiser),
        ),
    }[interface]
    return ("-c:v", f"{codec}_{interface}", *chosen, *(("-tag:v", "hvc1") if codec == _HEVC else ()))


@cache
def problem_of(interface: str, codec: str) -> str:
    """Why ffmpeg cannot encode one frame of 8 bits by a hardware encoder; nothing where it can."""
    frame = ["-f", "lavfi", "-i", f"color=size={_SIDES}:rate=25,format=yuv420p", "-frames:v", "1"]
    filters = ["-vf", f"null{UPLOADS.get(interface, '')}"]
    options = hardware_options(interface, codec, 20)
    result = ffmpeg.run([*frame, *filters, *options, "-f", "nut", "-"], seconds=_SECONDS)
    if result.code == 0 and result.output:
        return ""
    lines = [line.rpartition("] ")[2].strip() for line in result.log.splitlines()]
    return printable(next(filter(None, lines), "it does not answer"))


def working_interface(codec: str) -> str:
    """The first of INTERFACES by which this machine encodes; SettingsError VS284 where none does."""
    known = [interface for interface, codecs in INTERFACES.items() if codec in codecs]
    for interface in known:
        if not problem_of(interface, codec):
            return interface
    raise _none_works(codec, known)


def check_works(encoder: str) -> None:
    """SettingsError VS284 where an encoder, by ffmpeg's name, is one of hardware that this machine does not have."""
    codec, _, interface = encoder.partition("_")
    if interface in INTERFACES and problem_of(interface, codec):
        raise _none_works(codec, [interface])


def _none_works(codec: str, tried: list[str]) -> SettingsError:
    reasons = "; ".join(f"{one}: {problem_of(one, codec)}" for one in tried)
    return SettingsError("VS284", codec=codec, reasons=reasons or "there is none for that")
