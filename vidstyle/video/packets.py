"""When the frames of a file are shown, by its packets, of which none is decoded."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream as VideoTrack

from vidstyle.video.streams import FAILURES, main_track, opened, plausible

SCAN_SECONDS = 3.5  # a scan that takes longer is cut off: a very large file is judged by its first part

_BACK, _ON = 0.1, 10.0  # seconds: times that jump back or on by more have begun anew, as ffmpeg takes it
_MAY_JUMP = 0x200  # libavformat's AVFMT_TS_DISCONT: of formats whose times may start over
_FALLBACK = Fraction(25)  # frames a second of what tells neither times nor a rate

Shift = tuple[int, float]  # the number of a packet, from 0, and the seconds by which it and those after it are moved


@dataclass(frozen=True)
class PacketTimes:
    """When the frames of a file are shown.

    Attributes:
        times: of each frame, sorted, in ticks.
        tick: seconds.
        last_duration: how many ticks the last frame is shown.
        complete: whether the scan was not cut off.
        announced: how many frames there are by what the file says; no fewer than `times`.
        damaged: whether something is missing or not whole.
        restarted: whether times that restart on the way were moved behind those before.
        sound_shifts: how the packets of each sound track are moved then, to stay with the frames.
    """

    times: tuple[int, ...]
    tick: Fraction
    last_duration: int = 0
    complete: bool = True
    announced: int = 0
    damaged: bool = False
    restarted: bool = False
    sound_shifts: tuple[tuple[Shift, ...], ...] = ()


@dataclass(slots=True)
class _Packet:
    """When a frame is decoded and shown, and for how long, in ticks; None where that is not said."""

    decoded: int | None
    shown: int | None
    duration: int
    key: bool
    corrupt: bool
    hidden: bool  # there is no frame, or an edit list hides it


def packet_times(path: Path, seconds: float = SCAN_SECONDS, demuxer: str | None = None) -> PacketTimes:
    """Times of all frames of the first real video track, in `seconds` at most; none of what cannot be read.

    `demuxer` is that of `describe`.
    """
    try:
        with opened(path, demuxer) as container:
            track = main_track(container)
            return _scanned(container, track, time.monotonic() + seconds) if track else PacketTimes((), Fraction(1))
    except FAILURES:
        return PacketTimes((), Fraction(1), damaged=True)


def _scanned(container: InputContainer, track: VideoTrack, deadline: float) -> PacketTimes:
    errors, _ = av.logging.get_last_error()
    found, complete, damaged = _collected(container, track, deadline)
    packets, tick, jumping = found[0], track.time_base or Fraction(1, 1000), bool(container.format.flags & _MAY_JUMP)
    damaged |= av.logging.get_last_error()[0] > errors
    if not any(packet.decoded is not None or packet.shown is not None for packet in packets):  # a raw stream
        tick = 1 / (plausible(track.codec_context.framerate) or track.guessed_rate or _FALLBACK)
        for number, packet in enumerate(packets):
            packet.decoded = packet.shown = number
            packet.duration = 1
    shifts = _put_in_a_row(packets, tick) if jumping else []
    _fill(packets, in_order=container.format.name == "avi")
    announced = (
        0 if jumping else sum(not packet.hidden for packet in packets) * _excess(container, track, packets, tick)
    )
    _hide(packets, cut=not jumping)
    shown = sorted((packet.shown or 0, packet.duration) for packet in packets if not packet.hidden)
    sounds = zip(found[1:], container.streams.audio, strict=True) if shifts else ()
    return PacketTimes(
        times=tuple(when for when, _ in shown),
        tick=tick,
        last_duration=_last_duration(container, track, packets) or (shown[-1][1] if shown else 0),
        complete=complete,
        announced=max(len(shown), round(announced)),
        damaged=damaged or (any(packet.corrupt for packet in packets) and not shifts),
        restarted=bool(shifts),
        sound_shifts=tuple(_along(_put_in_a_row(own, sound.time_base or tick), shifts) for own, sound in sounds),
    )


def _collected(container: InputContainer, track: VideoTrack, deadline: float) -> tuple[list[list[_Packet]], bool, bool]:
    """The packets of the frames and of each sound, whether these are all, and whether reading failed."""
    tracks = [track, *(container.streams.audio if container.format.flags & _MAY_JUMP else ())]
    found: dict[int, list[_Packet]] = {each.index: [] for each in tracks}
    complete, damaged = True, False
    try:
        for packet in container.demux(*tracks):
            if time.monotonic() > deadline:
                complete = False
                break
            if packet.size or packet.dts is not None:  # else it ends the file
                found[packet.stream_index].append(_noted(packet))
    except av.error.ExitError:  # the time for one packet is over
        complete = False
    except FAILURES:
        damaged = True
    return list(found.values()), complete, damaged


def _noted(packet: Packet[Any]) -> _Packet:
    hidden = packet.is_discard or not packet.size
    return _Packet(packet.dts, packet.pts, packet.duration or 0, packet.is_keyframe, packet.is_corrupt, hidden)


def _put_in_a_row(packets: list[_Packet], tick: Fraction) -> list[Shift]:
    """Moves times that restart on the way behind those before; from which packet on, and by how much."""
    shift, expected, step, shifts = 0, None, 0, list[Shift]()
    for number, packet in enumerate(packets):
        if packet.decoded is not None:
            if expected is not None and not -_BACK <= float((packet.decoded + shift - expected) * tick) <= _ON:
                shift = expected - packet.decoded
                shifts.append((number, float(shift * tick)))
            packet.decoded += shift
            step = packet.duration or step
            expected = packet.decoded + step
        if packet.shown is not None:
            packet.shown += shift
    return shifts


def _along(own: list[Shift], shifts: list[Shift]) -> tuple[Shift, ...]:
    """The places where the times of a sound restart, with the shifts of the frames, where there are as many."""
    if len(own) != len(shifts):
        return tuple(own)
    return tuple((number, shift) for (number, _), (_, shift) in zip(own, shifts, strict=True))


def _fill(packets: list[_Packet], *, in_order: bool) -> None:
    """Finds out when frames are shown of which that is not said.

    MPEG program streams say it of some only; AVI (`in_order`) of none: the first is shown when the first is decoded.
    """
    known = [packet.shown for packet in packets if packet.shown is not None]
    if len(known) == len(packets) and not in_order:
        return
    after = 0
    for packet in packets:
        packet.decoded = after if packet.decoded is None else packet.decoded
        after = packet.decoded + packet.duration
    shift = min(known) - min(packet.decoded or 0 for packet in packets) if known and not in_order else 0
    for packet in packets:
        packet.shown = (packet.decoded or 0) + shift


def _last_duration(container: InputContainer, track: VideoTrack, packets: list[_Packet]) -> int:
    """How long a MOV or MP4 file says that its last frame is shown, in ticks; 0 where that is not plain.

    libavformat gives the last packet of VP9 the duration of the others.
    """
    if not container.format.name.startswith("mov") or len(packets) != track.frames:
        return 0
    if any(packet.hidden or packet.decoded != packet.shown for packet in packets):
        return 0
    return max(0, (track.duration or 0) - (packets[-1].decoded or 0) + (packets[0].decoded or 0))


def _hide(packets: list[_Packet], *, cut: bool) -> None:
    """Hides what is no frame: all before the first key frame, and, where a file may be `cut`, what is not whole."""
    for packet in takewhile(lambda packet: not packet.key, packets if any(packet.key for packet in packets) else ()):
        packet.hidden = True
    if cut and packets and packets[-1].corrupt:
        packets[-1].hidden = True


def _excess(container: InputContainer, track: VideoTrack, packets: list[_Packet], tick: Fraction) -> float:
    """How many times as many or as long frames a file announces as are there; 1 or more."""
    avi = container.format.name == "avi"  # which counts ticks
    if track.frames and packets and not avi:
        return max(1.0, track.frames / len(packets))
    times = sorted(packet.shown or 0 for packet in packets)
    longest = max((after - before for before, after in pairwise(times)), default=0)
    if not longest:
        return 1.0
    end = max((packet.shown or 0) + (packet.duration or longest) for packet in packets)
    found = float(max(end, end - times[0]) * tick)  # Matroska counts from 0
    alone = container.duration / av.time_base if container.duration and len(container.streams) == 1 else 0.0
    said = float(track.frames * tick) or _tagged_seconds(track) or float((track.duration or 0) * tick) or alone
    return said / found if said - found > 1.5 * float(longest * tick) else 1.0


def _tagged_seconds(track: VideoTrack) -> float:
    """How long a track of a Matroska file is, by its tags; 0 where these do not say."""
    text = next((text for key, text in track.metadata.items() if key.upper().startswith("DURATION")), "")
    seconds = 0.0
    with contextlib.suppress(ValueError):
        for part in text.split(":"):
            seconds = seconds * 60 + float(part)
    return seconds
