"""``vidstyle serve``: the web page."""

import errno
import importlib.util
import logging
import os
import re
import socket
import sys
import webbrowser
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from vidstyle.cli.options import DEVICE_HELP, FILES, RUNNING, AnyPath, Switch, Telling
from vidstyle.cli.terminal import open_terminal
from vidstyle.errors import SettingsError, SinkError, SourceError, UsageError

SHELVES = (  # of sample styles: where it runs from its repository, and where it is installed
    Path(__file__).resolve().parents[2] / "samples",
    Path(sys.prefix) / "share" / "vidstyle" / "styles",
)
NOT_STYLES = ("photo", "fruit", "portrait", "lake", "around_boat")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
ANYWHERE = ("", "0.0.0.0", "::")
PASSWORD = "VIDSTYLE_AUTH"
_UNITS = {"kb": 10**3, "mb": 10**6, "gb": 10**9}

log = logging.getLogger(__name__)


def serve(
    *,
    host: Annotated[str, Parameter(group=RUNNING, metavar="ADDRESS")] = "127.0.0.1",
    port: Annotated[int, Parameter(group=RUNNING, metavar="N")] = 7860,
    auth: Annotated[str | None, Parameter(group=RUNNING, metavar="USER:PASSWORD")] = None,
    jobs: Annotated[AnyPath | None, Parameter(group=FILES, metavar="FOLDER")] = None,
    shelf: Annotated[AnyPath | None, Parameter(group=FILES, metavar="FOLDER")] = None,
    keep_days: Annotated[float, Parameter(group=FILES, metavar="X")] = 7.0,
    max_upload: Annotated[str, Parameter(group=FILES, metavar="SIZE")] = "2gb",
    at_once: Annotated[int, Parameter(group=RUNNING, metavar="N")] = 1,
    open: Annotated[Switch, Parameter(group=RUNNING)] = False,
    device: Annotated[str, Parameter(group=RUNNING, metavar="auto|cpu|cuda|mps", help=DEVICE_HELP)] = "auto",
    telling: Telling = Telling(),
) -> None:
    """Start the web page on this machine.

    Args:
        host: Address of this machine to listen on. Addresses that other machines can reach need --auth.
        port: Port to listen on.
        auth: USER:PASSWORD for the page. It is safer to set the environment variable VIDSTYLE_AUTH.
        jobs: Folder for jobs. Default: in your data folder.
        shelf: Folder of sample styles to choose from, instead of those that come with vidstyle.
        keep_days: Delete jobs this many days after they end.
        max_upload: Maximum size of an upload, such as 500mb or 2gb.
        at_once: Number of jobs to paint at a time.
        open: Open the page in a browser.
        device: The device that paints.
        telling: How much is told, and where.
    """
    login, max_bytes = _login(host, auth), _bytes(max_upload)
    _check(shelf, keep_days=keep_days, at_once=at_once)
    with open_terminal(telling) as terminal:
        folder = _jobs_folder(jobs)
        with terminal.starting():
            _quiet_gradio(folder)
            from vidstyle.core.device import select_device
            from vidstyle.web.job_store import JobStore
            from vidstyle.web.server import LOOPBACK_HOSTS, application, serve_on

            select_device(device)
            store = JobStore(folder, at_once=at_once, keep_days=keep_days, device=device)
            name = f"[{host}]" if ":" in host else host
            hosts = (*LOOPBACK_HOSTS, name)
            app = application(store, _styles(shelf), hosts=hosts, max_bytes=max_bytes, auth=login)
            listening = _listening(host, port)
        url = f"http://{name}:{listening.getsockname()[1]}/"
        print(url, flush=True)
        if login:
            log.info("the page asks for the password of the user %s", login[0])
        log.info("jobs are in %s; Ctrl-C stops the server", folder)
        if open:
            webbrowser.open(url)
        serve_on(app, listening)


def _check(shelf: Path | None, **numbers: float) -> None:
    """Refuses what can be refused before anything heavy is imported."""
    for name, value in numbers.items():
        if not 0 < value < float("inf"):
            raise SettingsError("VS244", name=name.replace("_", "-"), wanted="above 0", value=f"{value:g}")
    if shelf and not shelf.is_dir():
        raise SourceError("VS303", shelf=shelf)
    if importlib.util.find_spec("gradio") is None:
        raise SettingsError("VS203")


def _login(host: str, auth: str | None) -> tuple[str, str] | None:
    given = auth or os.environ.get(PASSWORD)
    if host in ANYWHERE:  # a page goes by its name: who asks for another is refused
        raise UsageError("VS108", host=host)
    if given is None and host not in LOOPBACK:
        raise UsageError("VS107", host=host, password=PASSWORD)
    if given is None:
        return None
    user, colon, password = given.partition(":")
    if not (user and colon and password):
        raise UsageError("VS109")
    return user, password


def _bytes(size: str) -> int:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(kb|mb|gb)", size.strip().lower())
    if not found or float(found[1]) <= 0:
        raise SettingsError("VS204", size=size)
    return int(float(found[1]) * _UNITS[found[2]])


def _jobs_folder(jobs: Path | None) -> Path:
    from platformdirs import user_data_dir

    place = jobs or Path(user_data_dir("vidstyle")) / "jobs"
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SinkError("VS408", place=place, reason=error.strerror) from error
    if not os.access(place, os.W_OK):
        raise SinkError("VS407", place=place)
    return place.resolve()


def _quiet_gradio(place: Path) -> None:
    """No figures go to its makers, and what it keeps of uploads lies with the jobs. It reads this when imported."""
    from vidstyle.web.job_store import UPLOADS

    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["GRADIO_TEMP_DIR"] = str(place / UPLOADS)


def _styles(shelf: Path | None) -> list[Path]:
    """The images of the shelf, else the samples that are styles, if they are there."""
    from vidstyle.video.reader import find_images

    if shelf:
        return find_images(shelf)
    samples = next(filter(Path.is_dir, SHELVES), None)
    return [path for path in find_images(samples) if path.stem not in NOT_STYLES] if samples else []


def _listening(host: str, port: int) -> socket.socket:
    """A socket of its own, so that a taken port is one line."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        made = socket.socket(family)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen()  # who asks before the page is ready waits
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        if isinstance(error, socket.gaierror) or getattr(error, "errno", None) == errno.EADDRNOTAVAIL:
            raise SinkError("VS451", host=host, reason=reason) from error
        raise SinkError("VS409", host=host, port=port, reason=reason) from error
    return made
