"""The clip's sound: plucked notes that wander from left to right over wind, then surf and a bell."""

import numpy as np
from numpy.typing import NDArray

RATE = 44100
FIRST = (62, 69, 74, 78, 76, 81, 74)  # MIDI notes of the first shot, D major
SECOND = (59, 66, 71, 74, 78)  # and of the second, B minor

Signal = NDArray[np.float64]


def pluck(note: int, seconds: float, brightness: float) -> Signal:
    """A plucked string: harmonics that die away the faster the higher they are."""
    t = np.arange(round(seconds * RATE)) / RATE
    pitch = 440 * 2 ** ((note - 69) / 12)
    tone = sum(
        brightness**k / k * np.exp(-t * (1.8 + 1.4 * k)) * np.sin(2 * np.pi * pitch * k * t) for k in range(1, 8)
    )
    return tone * np.minimum(t / 0.004, 1)


def noise_bed(samples: int, low: float, high: float, rng: np.random.Generator) -> Signal:
    """Noise between two frequencies, of unit peak."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    frequency = np.fft.rfftfreq(samples, 1 / RATE)
    spectrum *= np.exp(-((low / np.maximum(frequency, 1)) ** 2) - (frequency / high) ** 2)
    noise = np.fft.irfft(spectrum, samples)
    return noise / np.abs(noise).max()


def place(track: Signal, sound: Signal, start: float, pan: float, gain: float) -> None:
    """Adds a sound to a stereo track; pan 0 is left, 1 is right, at equal power."""
    first = round(start * RATE)
    piece = sound[: len(track) - first, None]
    track[first : first + len(piece)] += gain * piece * [np.cos(pan * np.pi / 2), np.sin(pan * np.pi / 2)]


def soundtrack(seconds: float, cut: float) -> NDArray[np.int16]:
    """Stereo samples; mood, ambience and chord change at `cut`."""
    rng = np.random.default_rng(5)
    track = np.zeros((round(seconds * RATE), 2))
    for k, note in enumerate(FIRST):
        start = cut * k / len(FIRST)
        place(track, pluck(note, cut - start, 0.6), start, 0.1 + 0.8 * k / (len(FIRST) - 1), 0.32)
    for k, note in enumerate(SECOND):
        place(track, pluck(note, 1.6, 0.85), cut + 0.11 * k, 0.9 - 0.8 * k / (len(SECOND) - 1), 0.26)
    edge = round(cut * RATE)
    wind = noise_bed(edge, 150, 900, rng) * 0.10
    surf = noise_bed(len(track) - edge, 300, 5000, rng) * 0.16
    surf *= 0.4 + 0.6 * np.exp(-np.arange(len(surf)) / RATE * 2)
    place(track, wind, 0, 0.35, 1)
    place(track, surf, cut, 0.6, 1)
    fade = np.minimum(1, np.arange(len(track))[::-1] / (0.15 * RATE))[:, None]
    return np.rint(np.clip(track * fade / np.abs(track).max() * 0.8, -1, 1) * 32767).astype(np.int16)
