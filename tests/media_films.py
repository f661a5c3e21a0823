"""Films of any container, codec, pixel format, rate and damage, sound cut out of them, and what is written."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from tests.clips import ffmpeg
from tests.media import LEVELS, OPAQUE_ENOUGH, DifferenceError, Floats, Seen, Trial, ffmpeg_log, seen_by_ffmpeg, smooth
from tests.media_animations import animation
from tests.media_images import compare, image, of_loaded
from tests.video.test_containers import film_of, played
from vidstyle.core.pixels import to_tensor
from vidstyle.errors import VidstyleError
from vidstyle.images import LoadedImage, image_format, is_animated
from vidstyle.video.codecs import CODECS
from vidstyle.video.encoder import Film
from vidstyle.video.muxer import Sink
from vidstyle.video.probe import Fault, VideoInfo, probe
from vidstyle.video.reader import open_video

Y420, Y444, DEEP = ("yuv420p",), ("yuv420p", "yuv422p", "yuv444p"), ("yuv420p10le", "yuv422p10le", "yuv444p10le")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", 6)
CODINGS: tuple[tuple[tuple[object, ...], tuple[str, ...], tuple[str, ...]], ...] = (  # encoder, pixels, containers
    (X264, (*Y444, *DEEP), ("mp4", "mov", "mkv", "ts", "flv", "avi", "m2ts", "nut")),
    (X264, Y420, ("mp4", "mov", "mkv", "3gp", "m4v", "h264")),
    (("-c:v", "libx265", "-preset", "ultrafast", "-crf", 6, "-x265-params", "log-level=none"),
     ("yuv420p", "yuv444p", "yuv420p10le"), ("mp4", "mov", "mkv", "ts", "hevc")),
    (("-c:v", "mpeg4", "-q:v", 2), Y420, ("avi", "mp4", "mkv", "mov")),
    (("-c:v", "mpeg2video", "-q:v", 2), ("yuv420p", "yuv422p"), ("mpg", "ts", "mkv", "mxf")),
    (("-c:v", "mpeg1video", "-q:v", 2), Y420, ("mpg", "mkv")),
    (("-c:v", "libvpx", "-crf", 5, "-b:v", "2M", "-auto-alt-ref", 0), (*Y420, "yuva420p"), ("webm", "mkv")),
    (("-c:v", "libvpx-vp9", "-crf", 5, "-b:v", 0, "-cpu-used", 8, "-auto-alt-ref", 0),
     ("yuv420p", "yuv444p", "gbrp", "yuva420p", "yuv420p10le"), ("webm", "mkv")),
    (("-c:v", "libsvtav1", "-preset", 12, "-crf", 10), ("yuv420p", "yuv420p10le"), ("mp4", "webm", "mkv")),
    (("-c:v", "mjpeg", "-q:v", 2), ("yuvj420p", "yuvj422p", "yuvj444p"), ("avi", "mov", "mkv", "mjpeg")),
    (("-c:v", "prores_ks"), ("yuv422p10le", "yuv444p10le", "yuva444p10le"), ("mov", "mkv")),
    (("-c:v", "ffv1"), (*Y444, *DEEP, "gray", "gray16le", "bgra", "gbrp", "gbrp12le", "yuva420p", "rgb48le"),
     ("mkv", "avi", "nut")),
    (("-c:v", "qtrle"), ("rgb24", "argb"), ("mov",)),
    (("-c:v", "png"), ("rgb24", "rgba", "gray", "rgb48be", "pal8"), ("mov", "mkv", "avi")),
    (("-c:v", "utvideo"), ("gbrp", "gbrap", "yuv420p", "yuv422p"), ("avi", "mkv")),
    (("-c:v", "huffyuv"), ("rgb24", "bgra", "yuv422p"), ("avi", "mkv")),
    (("-c:v", "rawvideo"), ("yuv420p", "uyvy422", "bgr24"), ("avi", "nut", "mov")),
    (("-c:v", "magicyuv"), ("gbrp", "yuv420p", "gray"), ("avi", "mkv")),
    (("-c:v", "wmv2", "-q:v", 2), Y420, ("wmv", "avi", "asf")),
    (("-c:v", "flv", "-q:v", 2), Y420, ("flv", "avi")),
    (("-c:v", "msmpeg4", "-q:v", 2), Y420, ("avi", "wmv")),
    (("-c:v", "libtheora", "-q:v", 10), ("yuv420p", "yuv444p"), ("ogv", "mkv")),
    (("-c:v", "wrapped_avframe"), ("yuv420p", "yuv444p", "yuv420p10le"), ("y4m",)),
)  # fmt: skip
RATES = ("24000/1001", "30000/1001", "60000/1001", "25", "24", "50", "10", "5", "240", "12.5")
MPEG_RATES = RATES[:6]
REORDERING = ("libx264", "libx265", "mpeg4", "mpeg2video")
REPLICATED = "scale=flags=neighbor,format=yuv444p"  # chroma for pixels that OpenCV reads, which does not interpolate
PATIENT = ("mp4", "mov", "mkv", "nut")  # containers of any times
SOUNDS = {
    "aac": ("mp4", "mkv", "mov", "ts"), "ac3": ("mp4", "mkv", "ts"), "eac3": ("mkv", "mp4"), "flac": ("mkv",),
    "libopus": ("mkv", "webm"), "libvorbis": ("mkv", "webm"), "pcm_s16le": ("mov", "mkv", "avi"),
    "alac": ("mov", "mp4"), "libmp3lame": ("mp4", "mkv", "avi"), "mp2": ("ts", "mkv"), "pcm_s24le": ("mov", "mkv"),
    "wmav2": ("mkv", "asf"),
}  # fmt: skip
LAYOUTS = {"mono": 1, "stereo": 2, "2.1": 3, "3.0": 3, "4.0": 4, "quad": 4, "5.0": 5, "5.0(side)": 5, "5.1": 6,
           "5.1(side)": 6, "6.1": 7, "7.1": 8}  # fmt: skip
SECONDS = 2.5


def moving(trial: Trial, count: int, size: tuple[int, int], alpha: bool = False) -> Floats:
    """(N, H, W, 3 or 4), 0..1: each image lighter than the one before."""
    noise = trial.noise
    images = [0.15 + 0.45 * smooth(noise, *size, 3, 1) + 0.35 * n / count for n in range(count)]
    if alpha:
        images = [np.concatenate([one, 0.7 + 0.3 * smooth(noise, *size, 1)], axis=2) for one in images]
    return np.stack(images)


def film(trial: Trial) -> None:
    """A film of any coding, with one or two peculiarities."""
    encoder, pixels, containers = trial.random.choice(CODINGS)
    pixel_format, ending = trial.pick(*pixels), trial.pick(*containers)
    rate = trial.pick(*(MPEG_RATES if ending in ("mpg", "mxf") or "mpeg" in str(encoder[1]) else RATES))
    path = trial.folder / f"a.{ending}"
    before, how, after = peculiar(trial, str(encoder[1]), pixel_format, ending)
    trial.what = f"{ending} {encoder[1]} {pixel_format} {rate} {' '.join(map(str, (*before, '|', *how, '|', *after)))}"
    images = moving(trial, trial.random.randint(5, 12), _size(trial, pixel_format, ending))
    raw = ("-f", "rawvideo", "-pix_fmt", "rgb48le", "-s", f"{images.shape[2]}x{images.shape[1]}", "-r", rate, "-i", "-")
    data = np.round(images * 65535).astype("<u2").tobytes()
    first = trial.folder / f"b.{ending}"
    ffmpeg(*raw, *how, *encoder, "-pix_fmt", pixel_format, "-strict", -2, first, data=data)
    if before or after:
        ffmpeg(*before, "-i", first, "-c", "copy", *after, path)
    else:
        first.rename(path)
    cut_off(trial, path)
    check_film(trial, path, trial.damaged)


def _size(trial: Trial, pixel_format: str, ending: str) -> tuple[int, int]:
    step = 4 if "420" in pixel_format or "422" in pixel_format else trial.pick(1, 4)  # interlaced H.264 needs 4
    return (
        (64, 64)
        if ending == "mxf"
        else (step * trial.random.randint(32 // step, 64 // step), step * trial.random.randint(32 // step, 64 // step))
    )


def peculiar(
    trial: Trial, encoder: str, pixel_format: str, ending: str
) -> tuple[list[object], list[object], list[object]]:
    """Options before a copy, of the encoding, and of the copy."""
    before, how, after, chain = list[object](), list[object](), list[object](), list[str]()
    yuv = pixel_format.startswith("yuv")
    if yuv and "yuvj" not in pixel_format and trial.pick(0, 1):
        matrix, swapped = trial.pick("bt709", "smpte170m", "bt470bg"), trial.pick("tv", "pc")
        scaled = f"scale=out_color_matrix={'bt709' if matrix == 'bt709' else 'bt601'}:out_range={swapped}"
        chain.append(f"{scaled},format={pixel_format},setparams=range={swapped}:colorspace={matrix}")
    if trial.pick(0, 0, 0, 1):
        chain.append(f"setsar={trial.pick('4/3', '16/11', '10/11', '2')}")
    if encoder in REORDERING:
        how += ["-bf", trial.pick(0, 2, 3), "-g", trial.pick(4, 12)]
    if ending in PATIENT and encoder != "mpeg4" and trial.pick(0, 0, 0, 0, 1):  # which takes no such fine times
        chain.append("settb=1/90000,setpts='(N+0.3*mod(N*N,7)+if(gt(N,4),3,0))/(FRAME_RATE*TB)'")
        how += ["-fps_mode", "passthrough", "-enc_time_base", "1/90000"]
    if encoder in ("libx264", "mpeg2video") and pixel_format == "yuv420p" and trial.pick(0, 0, 0, 1):
        chain.append("setfield=tff")
        how += ["-flags", "+ilme+ildct"]
    if ending in ("mp4", "mov") and trial.pick(0, 0, 1):
        before += ["-display_rotation:v", trial.pick(90, 180, 270)]
    if ending in ("mp4", "mov") and trial.pick(0, 0, 1):
        after += ["-movflags", trial.pick("frag_keyframe+empty_moov", "frag_every_frame+empty_moov", "faststart")]
    if ending in (*PATIENT, "ts", "flv") and trial.pick(0, 0, 0, 1):
        after += ["-output_ts_offset", trial.pick(0.5, 3, 1000)]
    return before, [*(["-vf", ",".join(chain)] if chain else []), *how], after


def cut_off(trial: Trial, path: Path) -> None:
    """One of seven files ends too soon."""
    if trial.random.random() < 1 / 7:
        trial.damaged = True
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * trial.random.uniform(0.3, 0.97))])
        trial.what += ", cut off"


def read_film(trial: Trial, path: Path) -> tuple[list[Floats], VideoInfo, tuple[Fault, ...]]:
    """The frames, and what is told of a file; one that is refused should hold no frames for ffmpeg either."""
    try:
        faults = probe(path).faults
        with open_video(path) as source:
            return [of_loaded(LoadedImage(frame.image, frame.alpha)) for frame in source], source.info, faults
    except VidstyleError as error:
        count = frames_of(path)
        trial.check(count == 0, f"refused by {error.code}, though ffmpeg finds {count} frames: {error}")
        raise


def frames_of(path: Path) -> int:
    """How many ffmpeg finds."""
    try:
        return len(seen_by_ffmpeg(path).frames)
    except DifferenceError:
        return 0


def check_film(trial: Trial, path: Path, damaged: bool = False) -> None:
    """Frames, their order, times and values are those that ffmpeg finds."""
    frames, info, faults = read_film(trial, path)
    truth = seen_by_ffmpeg(
        path, _filters(faults, info), (*_decoder(info), "-reinit_filter", int(Fault.RESHAPED not in faults))
    )
    trial.reader = "ffmpeg, all frames"
    if info.animated:
        return check_times(trial, info, frames, truth)
    trial.check(len(frames) == len(truth.frames), f"{len(frames)} frames, ffmpeg {len(truth.frames)}, {info}")
    replicated = [] if faults else list(seen_by_ffmpeg(path, REPLICATED).frames)
    levels = LEVELS + (Fault.DEEP in faults)  # swscale, by which ffmpeg makes RGB, is up to a level off there
    for number, (one, other) in enumerate(zip(frames, truth.frames, strict=True)):
        gap = min(gap_of(one, seen) for seen in (other, *replicated[number : number + 1]))
        trial.check(gap <= levels, f"frame {number} differs by {gap:.1f}, {info}")
        late = abs(info.seconds_of(number) - truth.times[number])
        allowed = 0.5 / float(info.rate) if Fault.VARIABLE_RATE not in faults else 0.001 + info.delay
        untimed = damaged or Fault.NO_TIMES in faults
        trial.check(late < allowed or untimed, f"frame {number} is {late:.4f} s late, {info}")
    if Fault.NO_TIMES in faults or Fault.VARIABLE_RATE in faults:
        return
    length = truth.times[-1] + float(1 / info.rate)
    trial.check(abs(info.seconds - length) * info.rate <= 1.01, f"{info.seconds} s, not {length}, {info}")


def check_times(trial: Trial, info: VideoInfo, frames: list[Floats], truth: Seen) -> None:
    """Each frame that ffmpeg finds is shown at its time."""
    for number, (time, wanted) in enumerate(zip(truth.times, truth.frames, strict=True)):
        place = info.shown_at(min(time + 0.5 / float(info.rate), info.seconds))
        around = frames[max(0, place - 1) : place + 2]
        gap = min((gap_of(one, wanted) for one in around), default=999)
        trial.check(gap <= LEVELS, f"frame {number} at {time:.3f} s differs by {gap:.1f}, {info}")
    trial.check(info.seconds > truth.times[-1], f"{info.seconds} s, the last frame comes at {truth.times[-1]}")


def gap_of(one: Floats, other: Floats) -> float:
    """The mean difference of blocks of 8 x 8 pixels that are seen: chroma may be spread over pixels in several ways."""
    if one.shape != other.shape:
        return 999
    gap = one - other
    gap[..., :3] *= other[..., 3:] >= 255 * OPAQUE_ENOUGH
    down, right = gap.shape[0] // 8, gap.shape[1] // 8
    means = gap[: 8 * down, : 8 * right].reshape(down, 8, right, 8, 4).mean(axis=(1, 3))
    return float(np.abs(means).mean(axis=(0, 1)).max())


def _filters(faults: tuple[Fault, ...], info: VideoInfo) -> str:
    """What ffmpeg is told to do with what it does not show as players do."""
    chain = ["bwdif=mode=send_frame"] if Fault.INTERLACED in faults else []
    size = f"{info.size[1]}:{info.size[0]}"
    fitted = f"scale={size}:force_original_aspect_ratio=decrease,pad={size}:-1:-1:eval=frame"
    chain += [fitted] if Fault.RESHAPED in faults else []
    pixels = "format=gbrap," if info.stream and info.stream.pixel_format == "pal8" else ""
    chain += [f"{pixels}scale={size}:flags=lanczos"] if Fault.ASPECT in faults else []
    return ",".join(chain)


def _decoder(info: VideoInfo) -> tuple[object, ...]:
    alpha = info.stream and info.stream.alpha_apart
    return ("-c:v", {"vp8": "libvpx", "vp9": "libvpx-vp9"}[info.stream.codec]) if alpha and info.stream else ()


def given(trial: Trial, path: Path) -> None:
    """A file that is there: an image, or a film."""
    trial.what, trial.damaged = path.name, True
    if image_format(path) and not is_animated(path):
        compare(trial, path, lossless=False)
    else:
        check_film(trial, path, damaged=True)


# Sound ---------------------------------------------------------------------------------------------------------------


def sound(trial: Trial) -> None:
    """A part of a film with sound goes through the muxer: beeps are heard when they were."""
    codec, out = trial.pick(*SOUNDS), trial.folder / f"out.{trial.pick('mp4', 'mov', 'mkv', 'webm', 'm4v')}"
    rate, layout = trial.pick("10", "24000/1001", "25", "30", "60"), trial.pick(*LAYOUTS)
    source = beeping(trial, trial.folder / f"source.{trial.pick(*SOUNDS[codec])}", codec, rate, layout)
    start = round(trial.random.uniform(0, 1.0), 3) if trial.pick(0, 1, 1) else 0.0
    end = round(start + trial.random.uniform(0.6, 1.4), 3) if trial.pick(0, 1, 1) else None
    trial.what += f" to {out.suffix}, {start} to {end}"
    info = probe(source)
    tracks = film_of(out, source, start, end)
    trial.damaged = True  # some layouts of some codecs are told as lost
    trial.check(len(tracks.sound) == 1, "the sound is lost")
    trial.damaged = False
    first, stop = info.first_from(start), info.frame_count if end is None else info.first_from(end)
    seen = seen_by_ffmpeg(out)
    trial.check(len(seen.frames) == stop - first, f"{len(seen.frames)} frames, not {stop - first}")
    begin, length = float(first / info.rate), float((stop - first) / info.rate)
    beeps, half = played(out).beeps, min(float(1 / info.rate) / 2, 0.02)
    for wanted in (beep - begin for beep in played(source).beeps):
        if 0.15 < wanted < length - 0.15:
            gap = min((abs(one - wanted) for one in beeps), default=9)
            trial.check(gap <= half, f"the beep at {wanted:.3f} s is {gap:.3f} s off: {beeps}")
    trial.reader = "ffmpeg, beeps"


def beeping(trial: Trial, path: Path, codec: str, rate: str, layout: str) -> Path:
    """A film with a beep of 60 ms around each half second in each channel; in stereo where that codec cannot."""
    frames = ("-f", "lavfi", "-i", f"testsrc=s=48x32:r={rate}:d={SECONDS}")
    coding = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", trial.pick(0, 2), "-pix_fmt", "yuv420p")
    if path.suffix == ".webm":
        coding = ("-c:v", "libvpx", "-deadline", "realtime", "-pix_fmt", "yuv420p")
    hertz, offset = trial.pick(44100, 48000), trial.pick(0, 0, 5)
    for name in (layout, "stereo"):
        beep = "|".join(["if(lt(mod(t+0.03,0.5),0.06),0.8*sin(6000*t),0)"] * LAYOUTS[name])
        tones = ("-f", "lavfi", "-i", f"aevalsrc='{beep}':c={name}:d={SECONDS}:s={hertz}")
        how = ("-c:a", codec, "-strict", -2, "-output_ts_offset", offset)
        ffmpeg_log("-v", "error", *frames, *tones, *coding, *how, path)
        trial.what = f"{path.suffix} {codec} {name} {rate} {hertz} Hz from {offset} s"
        if path.exists() and path.stat().st_size and probe(path).audio:
            break
        path.unlink(missing_ok=True)
    return path


# What is written -----------------------------------------------------------------------------------------------------


def output(trial: Trial) -> None:
    """A film or animation of any coding is written; ffmpeg finds its frames, their times and their colours."""
    codec, loops = trial.pick(*CODECS), trial.pick(0, 0, 1)
    ending = trial.pick(".gif", ".webp", ".png") if loops else trial.pick(*CODECS[codec].endings)
    pixels = [one for one in CODECS[codec].pixel_formats if ending != ".mp4" or "a" not in one]
    rate = Fraction(trial.pick(*RATES[:8])) if not loops else Fraction(10)
    count, size = trial.random.randint(1, 12), (trial.random.randint(16, 64), trial.random.randint(16, 64))
    how = {} if loops else {"codec": codec, "pixel_format": trial.pick("auto", *pixels)}
    durations = tuple(trial.pick(0.02, 0.05, 0.1, 0.25) for _ in range(count)) if trial.pick(loops, 0) else None
    trial.what = f"{ending} {how} {rate} {count} of {size}, {durations}"
    images = moving(trial, count, size)
    written = Film(trial.folder / f"out{ending}", size, rate, durations=durations, **how)
    with Sink(written) as sink:
        for one in images:
            sink.write(to_tensor(np.round(one * 255).astype(np.uint8)))
        sink.finish()
    check_written(trial, written, images)


def check_written(trial: Trial, written: Film, images: Floats) -> None:
    """By ffmpeg."""
    truth, count = (
        seen_by_ffmpeg(written.path, options=("-ignore_loop", 1) if written.ending == ".gif" else ()),
        len(images),
    )
    trial.check(len(truth.frames) == count, f"{len(truth.frames)} frames, not {count}")
    height, width = written.size
    for number, (one, wanted) in enumerate(zip(truth.frames, images, strict=True)):
        gap = abs(one[:height, :width, :3].mean() - 255 * wanted.mean())
        trial.check(gap <= LEVELS, f"frame {number} differs by {gap:.1f}")
    spans = written.durations or (float(1 / written.rate),) * count
    late = max(abs(truth.times[n] - sum(spans[:n])) for n in range(count))
    trial.check(late <= 0.002, f"a frame is {late} s late")
    info = probe(written.path) if count > 1 or not written.loops else None
    trial.check(info is None or abs(info.seconds - sum(spans)) < spans[-1], f"{info}")
    trial.reader = "ffmpeg, what was written"


KINDS: dict[str, Callable[[Trial], None]] = {
    "images": image,
    "animations": animation,
    "films": film,
    "sound": sound,
    "outputs": output,
}
