"""A real server, asked by real HTTP for what no page asks for."""

import asyncio
import http.client
import json
import subprocess
import sys
import urllib.parse
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.web.conftest import QUICK, Server, until
from vidstyle.web.job_store import JobStore

BIG = 10 * 10**9


def ask(
    server: Server, path: str, method: str = "GET", headers: Mapping[str, str] | None = None, body: object = None
) -> tuple[int, str]:
    """Status and text; the path is sent as it is."""
    host = urllib.parse.urlsplit(server.url).netloc
    connection = http.client.HTTPConnection(host, timeout=60)
    try:
        connection.putrequest(method, path, skip_host=True)
        for name, value in {"Host": host, **(headers or {})}.items():
            connection.putheader(name, value)
        connection.endheaders()
        if isinstance(body, bytes):
            connection.send(body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    finally:
        connection.close()


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("private") / "secret.txt"
    path.write_text("my diary")
    return path


def test_the_page_is_served(server: Server) -> None:
    status, text = ask(server, "/")
    assert status == 200
    assert "vidstyle" in text


def test_files_of_jobs_are_served_by_their_link(server: Server, jobs: Path, photo: Path, style: Path) -> None:
    store = JobStore(jobs)
    name = store.submit(photo, [style], QUICK)
    until(lambda: store.status(name).state == "done")  # the server paints it
    status, _ = ask(server, f"/jobs/{name}/painting.png")
    assert status == 200
    for path in ("ticket.json", "status.json", "worker.log", "source.png", "nothing.png", "..%2f..%2fticket.json"):
        assert ask(server, f"/jobs/{name}/{path}")[0] == 404
    assert ask(server, f"/jobs/{'x' * 22}/painting.png")[0] == 404
    assert ask(server, f"/jobs/{name[:-1]}/painting.png")[0] == 404


@pytest.mark.parametrize(
    "path",
    [
        "/jobs/../../../../etc/passwd",
        "/jobs/..%2f..%2f..%2f..%2fetc/passwd",
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=../../../../etc/passwd",
        "/file=/etc/passwd",
        "/static/../../../../etc/passwd",
        "/assets/..%2f..%2f..%2fetc/passwd",
        "/theme.css/../../etc/passwd",
    ],
)
def test_files_of_the_machine_are_not(server: Server, path: str) -> None:
    status, text = ask(server, path)
    assert "root:" not in text
    assert status in (400, 403, 404) or "/etc/passwd" not in text


def test_neither_are_those_beside_the_jobs(server: Server, jobs: Path, secret: Path, photo: Path, style: Path) -> None:
    store = JobStore(jobs)
    name = store.submit(photo, [style], QUICK)
    private = [secret, jobs / name / "ticket.json", jobs / name / "source.png", Path(__file__)]
    for path in private:
        status, text = ask(server, f"/gradio_api/file={path}")
        assert status in (403, 404)
        assert "diary" not in text
        assert "made_at" not in text


def test_of_the_shelf_only_images_are(tmp_path: Path, style: Path) -> None:
    (tmp_path / "notes.txt").write_text("my diary")
    shelved = Server(tmp_path / "jobs", "--shelf", str(tmp_path))
    try:
        assert ask(shelved, f"/gradio_api/file={style}")[0] == 200
        for path in (tmp_path / "notes.txt", f"{style}/../notes.txt", tmp_path):
            assert ask(shelved, f"/gradio_api/file={path}")[0] in (403, 404)
    finally:
        shelved.stop()
    assert not [file for file in (tmp_path / "jobs").rglob("*") if file.suffix == ".png"]  # nor are they copied


@pytest.mark.parametrize("host", ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "", "localhost.evil"])
def test_foreign_names_are_refused(server: Server, host: str) -> None:
    """A page of another site whose name was made to lead here (DNS rebinding)."""
    status, text = ask(server, "/", headers={"Host": host})
    assert status == 400
    assert "use the address that it printed" in text


@pytest.mark.parametrize("path", ["run-history/connect", "runs", "vibe-edit/", "/run-history"])
def test_what_would_speak_to_other_hosts_is_not_there(server: Server, path: str) -> None:
    assert ask(server, f"/gradio_api/{path}")[0] == 404


def test_nothing_is_fetched_for_a_request(tmp_path: Path) -> None:
    from gradio import processing_utils

    from vidstyle.web.server import _fetch_nothing

    _fetch_nothing()
    words = "http://192.0.2.1/a.png", str(tmp_path)
    with pytest.raises(ValueError, match=r"192\.0\.2\.1"):
        asyncio.run(processing_utils.async_ssrf_protected_download(*words))
    with pytest.raises(ValueError, match=r"192\.0\.2\.1"):
        processing_utils.ssrf_protected_download(*words)
    assert not list(tmp_path.iterdir())


def test_own_names_are_not(server: Server) -> None:
    port = urllib.parse.urlsplit(server.url).port
    for host in (f"localhost:{port}", f"127.0.0.1:{port}", "LOCALHOST"):
        assert ask(server, "/", headers={"Host": host})[0] == 200


def test_other_sites_cannot_send(server: Server) -> None:
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1"):
        status, _ = ask(server, "/gradio_api/upload", "POST", {"Origin": origin, "Content-Length": "0"})
        assert status == 403


def test_uploads_are_limited_by_what_they_say(server: Server) -> None:
    status, text = ask(server, "/gradio_api/upload", "POST", {"Content-Length": str(BIG)})
    assert status == 413
    assert "use a smaller file" in text
    assert ask(server, "/gradio_api/upload", "POST", {"Content-Length": "-1"})[0] in (400, 413)


def test_uploads_are_limited_by_what_they_are(server: Server, jobs: Path) -> None:
    """10 GB that do not say so, in chunks: refused long before they have come."""
    host, port = urllib.parse.urlsplit(server.url).netloc.split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    kind = "multipart/form-data; boundary=x"
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.mp4"\r\n\r\n'
    sent = 0

    def chunks():  # type: ignore[no-untyped-def]
        nonlocal sent
        yield head
        while sent < BIG:
            sent += 1 << 18
            yield bytes(1 << 18)

    try:
        connection.request("POST", "/gradio_api/upload", chunks(), {"Content-Type": kind}, encode_chunked=True)
        assert connection.getresponse().status == 413
    except (ConnectionError, BrokenPipeError):
        pass  # the server did not even listen to the end
    finally:
        connection.close()
    assert sent < 100 << 20
    assert sum(file.stat().st_size for file in jobs.rglob("*") if file.is_file()) < 20 << 20


def serve(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vidstyle", "serve", *words], capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["--host", "192.0.2.1"], 2, "VS107"),
        (["--host", "0.0.0.0"], 2, "VS108"),
        (["--host", "0.0.0.0", "--auth", "me:secret"], 2, "VS108"),
        (["--auth", "me"], 2, "VS109"),
        (["--auth", "me"], 2, "Try 'vidstyle serve --help'"),
        (["--max-upload", "much"], 1, "VS204"),
        (["--at-once", "0"], 1, "--at-once must be above 0"),
        (["--shelf", "nowhere"], 1, "VS303"),
        (["--jobs", "/proc/nowhere"], 1, "VS408"),
    ],
)
def test_what_cannot_be_served_is_one_line(words: list[str], code: int, line: str) -> None:
    done = serve(*words)
    assert done.returncode == code
    assert line in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_port_that_is_taken_is_one_line(server: Server, tmp_path: Path) -> None:
    done = serve("--port", str(urllib.parse.urlsplit(server.url).port), "--jobs", str(tmp_path / "jobs"))
    assert done.returncode == 1
    assert "[VS409]" in done.stderr


@pytest.mark.parametrize("host", ["192.0.2.1", "nowhere.invalid"])
def test_an_address_of_another_machine_is_one_line(host: str, tmp_path: Path) -> None:
    done = serve("--host", host, "--auth", "me:secret", "--jobs", str(tmp_path / "jobs"))
    assert done.returncode == 1
    assert "[VS451]" in done.stderr
    assert host in done.stderr


def test_a_password_is_asked_for(tmp_path: Path) -> None:
    locked = Server(tmp_path / "jobs", "--auth", "me:secret")
    try:
        assert ask(locked, "/")[0] == 200  # a login form
        status, text = ask(locked, "/config")
        assert status == 401
        assert "components" not in text
        login = urllib.parse.urlencode({"username": "me", "password": "wrong"}).encode()
        form = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(login))}
        assert ask(locked, "/login", "POST", form, login)[0] in (400, 401)
        right = login.replace(b"wrong", b"secret")
        status, text = ask(locked, "/login", "POST", {**form, "Content-Length": str(len(right))}, right)
        assert status == 200
        assert json.loads(text)["success"] is True
    finally:
        locked.stop()
