"""A network camera on loopback: images as MJPEG over HTTP."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
from numpy.typing import NDArray

Scene = Callable[[int], bytes]  # the JPEG of a number


def jpeg(image: NDArray[np.uint8]) -> bytes:
    """An image (H, W, 3), RGB, as cameras send it."""
    return bytes(cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1])


class Camera:
    """A server of `scene` at `rate` images a second; it can be unplugged, and plugged in again at its port."""

    def __init__(self, scene: Scene, rate: float = 20.0) -> None:
        self.scene, self.rate, self.sent = scene, rate, 0
        self._server: ThreadingHTTPServer | None = None
        self._port = 0
        self.plug_in()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/"

    def plug_in(self) -> None:
        self._server = _server(self, self._port)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def unplug(self) -> None:
        server, self._server = self._server, None
        if server:
            server.shutdown()
            server.server_close()

    @property
    def is_on(self) -> bool:
        return self._server is not None


def _server(camera: Camera, port: int) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            due = time.monotonic()
            try:
                while camera.is_on:
                    image = camera.scene(camera.sent)
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(image)}\r\n\r\n"
                    self.wfile.write(head.encode() + image + b"\r\n")
                    camera.sent += 1
                    due += 1 / camera.rate
                    time.sleep(max(0.0, due - time.monotonic()))
            except OSError:
                pass  # who looked went away
            self.close_connection = True

        def log_message(self, format: str, *_: object) -> None:
            pass

    ThreadingHTTPServer.daemon_threads = True
    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


@contextmanager
def camera_of(scene: Scene, rate: float = 20.0) -> Iterator[Camera]:
    camera = Camera(scene, rate)
    try:
        yield camera
    finally:
        camera.unplug()
