"""Cameras: of the network, and videos played as if live."""

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from tests.cameras import camera_of, jpeg
from tests.clips import clip
from tests.refusals import refused
from vidstyle.video.camera import Camera, is_file, is_url


def counting(number: int) -> bytes:
    """Red, and as bright as the number."""
    image = np.zeros((48, 64, 3), np.uint8)
    image[..., 0] = 40 + number % 200
    return jpeg(image)


def test_a_network_camera_gives_its_newest_image_in_colour() -> None:
    with camera_of(counting, rate=50) as server, Camera(server.url) as camera:
        first = camera.next(10)
        assert first is not None
        assert first.size == (48, 64)
        time.sleep(0.5)
        second = camera.next(10)
        assert second is not None
        assert second.number > first.number + 5  # those between were dropped
        assert second.taken > first.taken
        assert second.pixels[..., 0].mean() > first.pixels[..., 0].mean() + 3
        assert second.pixels[..., 2].mean() < 20
        assert camera.latest is not None
        assert camera.latest.number >= second.number


def test_a_camera_that_comes_back_goes_on() -> None:
    with camera_of(counting, rate=50) as server, Camera(server.url, reconnect=20) as camera:
        assert camera.next(10)
        server.unplug()
        _until(lambda: camera.lost)
        server.plug_in()
        _until(lambda: not camera.lost)
        assert camera.next(10)


def test_a_camera_that_stays_away_is_an_error() -> None:
    with camera_of(counting, rate=50) as server, Camera(server.url, reconnect=0.5) as camera:
        assert camera.next(10)
        server.unplug()
        with refused("VS336", "0.5"):
            _drain(camera)


def test_closing_while_it_is_looked_for_is_quick() -> None:
    with camera_of(counting, rate=50) as server, Camera(server.url, reconnect=3600) as camera:
        assert camera.next(10)
        server.unplug()
        _until(lambda: camera.lost)
    assert not [thread for thread in threading.enumerate() if thread.name == "vidstyle-newest"]


def test_a_video_plays_in_real_time(tmp_path: Path) -> None:
    film = clip(tmp_path / "clip.mp4", count=10, size=(48, 64), rate="10")
    began = time.monotonic()
    with Camera(str(film)) as camera:
        assert camera.rate == 10
        taken = []
        while (snap := camera.next()) is not None:
            taken.append(snap.taken - began)
        assert camera.ended
    assert taken[-1] >= 0.85
    assert taken == sorted(taken)


@pytest.mark.parametrize(
    ("where", "code", "fact"),
    [
        ("http://127.0.0.1:9/", "VS338", "127.0.0.1:9"),
        ("http://user:secret@127.0.0.1:9/", "VS338", "http://127.0.0.1:9/"),
        ("ftp://127.0.0.1/x", "VS337", "http, https, rtsp, rtsps"),
        ("file:///etc/passwd", "VS337", "file"),
        ("73", "VS335", "73"),
        ("/dev/video73", "VS335", "/dev/video73"),
        ("nowhere.mp4", "VS312", "nowhere.mp4"),
    ],
)
def test_no_camera_is_one_line(where: str, code: str, fact: str) -> None:
    with refused(code, fact) as caught:
        Camera(where).close()
    assert "\n" not in str(caught.value)


def test_a_playlist_from_the_network_opens_no_files_here(tmp_path: Path) -> None:
    secret = clip(tmp_path / "secret.mp4", count=5, size=(48, 64))
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{secret.as_uri()}\n#EXT-X-ENDLIST\n".encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/vnd.apple.mpegurl")
            self.send_header("Content-Length", str(len(playlist)))
            self.end_headers()
            self.wfile.write(playlist)

        def log_message(self, format: str, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with refused("VS338"):
            Camera(f"http://127.0.0.1:{server.server_address[1]}/live.m3u8").close()
    finally:
        server.shutdown()
        server.server_close()


def test_kinds_of_cameras() -> None:
    assert is_url("rtsp://host/live")
    assert not is_url("0")
    assert is_file("film.mp4")
    assert not any(map(is_file, ("0", "/dev/video0", "http://host/")))


def _drain(camera: Camera) -> None:
    while camera.next(10):
        pass


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 15
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)
