"""The page in a real browser that may reach nothing but this machine."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.clips import clip
from tests.images import clouds, stripes
from tests.web.conftest import Server, until
from vidstyle.images import save_image

sync_api = pytest.importorskip("playwright.sync_api", reason="a browser is driven by playwright; pip install it")
CHROMIUM = Path("/usr/bin/chromium")
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs chromium; apt-get install chromium")

CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


@pytest.fixture(scope="module")
def asked() -> list[str]:
    """Where requests went."""
    return []


@pytest.fixture(scope="module")
def browser(asked: list[str]) -> Iterator["sync_api.BrowserContext"]:
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *CAMERA])
        context = chromium.new_context(viewport={"width": 1280, "height": 1000}, permissions=["camera"])

        def only_here(route: "sync_api.Route") -> None:
            asked.append(route.request.url)
            route.continue_() if _is_here(route.request.url) else route.abort()

        context.route("**/*", only_here)
        yield context
        chromium.close()


def _is_here(url: str) -> bool:
    return urlsplit(url).scheme in ("data", "blob") or urlsplit(url).hostname == "127.0.0.1"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("page")
    save_image(made / "photo.png", clouds(48, 64))
    save_image(made / "stripes.png", stripes(48, 64))
    clip(made / "clip.mp4", count=4, size=(48, 64))
    return made


class Page:
    """What a person does on the page."""

    def __init__(self, context: "sync_api.BrowserContext", url: str) -> None:
        self.page = context.new_page()
        self.page.goto(url)
        self.page.wait_for_selector("#paint")

    def drop(self, source: Path, *styles: Path) -> None:
        self.page.set_input_files("#source input[type=file]", source)
        self.page.set_input_files("#styles input[type=file]", list(styles))
        self.page.wait_for_selector(f"#source :text('{source.suffix}')")
        self.page.wait_for_selector(f"#styles :text('{styles[0].suffix}')")

    def choose(self, name: str, value: object, part: str = "Painting") -> None:
        """Fills a field, in a part that is unfolded if need be."""
        found = f"#set-{name} :is(input, textarea)"
        if not self.page.is_visible(found):
            if not self.page.get_by_role("button", name=part).is_visible():
                self.page.get_by_role("button", name="All settings").click()
            self.page.get_by_role("button", name=part).click()
        self.page.fill(found, str(value))

    def choose_first_layer(self) -> None:
        """For which no more than one layer of filters is learned."""
        for layers in ("style-layers", "content-layers"):
            self.choose(layers, "conv1_1", "Style and content")

    def paint(self) -> None:
        before = self.state
        self.page.click("#paint")
        until(lambda: self.state and (self.state != before or before == "painting"))

    @property
    def state(self) -> str | None:
        found = self.page.query_selector("#view .vs")
        return found and found.get_attribute("data-state")

    def wait_for(self, state: str) -> None:
        self.page.wait_for_selector(f"#view .vs[data-state={state}]", timeout=120_000)

    @property
    def live(self) -> str | None:
        """The address of the painting as it is shown now, which changes with it."""
        found = self.page.query_selector("#view img.live")
        return found and found.get_attribute("src")


@pytest.fixture(autouse=True)
def _closed(browser: "sync_api.BrowserContext") -> Iterator[None]:
    """Each page holds a connection, of which browsers allow six to a server."""
    yield
    for page in browser.pages:
        page.close()


@pytest.fixture(scope="module")
def links() -> dict[str, str]:
    return {}


def test_a_film_is_painted_live_and_cancelled(
    server: Server, browser: "sync_api.BrowserContext", place: Path, links: dict[str, str]
) -> None:
    page = Page(browser, server.url)
    page.drop(place / "clip.mp4", place / "stripes.png")
    page.choose("steps", 300)
    page.choose("frame-steps", 300)
    page.paint()
    page.wait_for("painting")
    until(lambda: page.live)
    first = page.live
    until(lambda: page.live != first)
    page.page.wait_for_selector("#view svg.curve")
    assert "left" in page.page.inner_text("#view")
    page.page.click("#cancel")
    page.wait_for("cancelled")
    assert page.page.is_visible("#resume")
    assert not page.page.is_visible("#cancel")
    links["cancelled"] = page.page.query_selector("#jobs a").get_attribute("href") or ""  # type: ignore[union-attr]


def test_an_image_is_painted_to_the_end_and_downloaded(
    server: Server, browser: "sync_api.BrowserContext", place: Path, tmp_path: Path, links: dict[str, str]
) -> None:
    page = Page(browser, server.url)
    page.drop(place / "photo.png", place / "stripes.png")
    page.choose("steps", 2)
    page.choose_first_layer()
    page.paint()
    page.wait_for("done")
    assert page.page.query_selector("#view .compare input[type=range]")
    with page.page.expect_download() as waiting:
        page.page.get_by_role("link", name="Download").click()
    assert waiting.value.suggested_filename == "photo in the style of stripes.png"
    waiting.value.save_as(tmp_path / "got.png")
    assert (tmp_path / "got.png").read_bytes()[:4] == b"\x89PNG"
    with page.page.expect_download() as waiting:
        page.page.get_by_role("link", name="Animation").click()
    waiting.value.save_as(tmp_path / "got.gif")
    assert (tmp_path / "got.gif").read_bytes()[:6] == b"GIF89a"
    links["done"] = page.page.query_selector("#jobs a").get_attribute("href") or ""  # type: ignore[union-attr]


def test_the_slider_uncovers_the_painting(server: Server, browser: "sync_api.BrowserContext") -> None:
    page = Page(browser, server.url)  # which shows the last job
    page.wait_for("done")
    slider = page.page.wait_for_selector("#view .compare input")
    assert slider
    slider.fill("10")
    over = page.page.query_selector("#view .compare .over")
    assert over
    assert re.search(r"inset\(0(px)? 90%", over.get_attribute("style") or "")


def test_an_image_of_the_webcam_is_painted(server: Server, browser: "sync_api.BrowserContext", place: Path) -> None:
    page = Page(browser, server.url)
    page.page.get_by_role("tab", name="Webcam").click()
    page.page.get_by_text("Click to Access Webcam").click()
    button = page.page.wait_for_selector("#webcam button[aria-label='capture photo']", timeout=30_000)
    page.page.wait_for_timeout(500)
    button.click()  # type: ignore[union-attr]
    page.page.wait_for_selector("#webcam img", timeout=30_000)
    page.page.set_input_files("#styles input[type=file]", place / "stripes.png")
    page.page.wait_for_selector("#styles :text('.png')")
    page.choose("steps", 1)
    page.choose("size", 48)
    page.choose_first_layer()
    page.page.wait_for_timeout(1000)
    before = len(page.page.query_selector_all("#jobs a"))
    page.page.click("#paint")
    until(lambda: len(page.page.query_selector_all("#jobs a")) > before)
    page.wait_for("done")


def test_sample_styles_are_shown_chosen_and_unchosen(server: Server, browser: "sync_api.BrowserContext") -> None:
    page = Page(browser, server.url).page
    chosen = page.locator("#shelf label.selected")
    box = page.locator("#shelf label", has_text="swirl")
    image = box.evaluate("box => getComputedStyle(box, '::before').backgroundImage")
    assert page.evaluate("url => fetch(url).then(got => got.headers.get('content-type'))", image[5:-2]) == "image/jpeg"
    box.click()
    chosen.wait_for()
    assert chosen.inner_text().strip() == "swirl"
    box.click()
    chosen.wait_for(state="detached")


def test_what_was_chosen_is_described(server: Server, browser: "sync_api.BrowserContext", place: Path) -> None:
    page = Page(browser, server.url)
    page.drop(place / "clip.mp4", place / "stripes.png")
    facts = page.page.wait_for_selector("#facts .facts", timeout=60_000)
    assert facts
    for fact in ("clip.mp4", "64 x 48", "4 frames"):
        assert fact in facts.inner_text()
    assert facts.query_selector("img[src^='data:image/jpeg']")


def test_what_cannot_be_painted_is_said(server: Server, browser: "sync_api.BrowserContext", place: Path) -> None:
    (place / "list.mp4").write_text("#EXTM3U\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n")
    page = Page(browser, server.url)
    page.drop(place / "list.mp4", place / "stripes.png")
    page.page.click("#paint")
    said = page.page.wait_for_selector("#message .failed", timeout=30_000)
    assert "list.mp4" in said.inner_text()  # type: ignore[union-attr]
    assert "[VS346]" in said.inner_text()  # type: ignore[union-attr]
    assert "Traceback" not in page.page.inner_text("body")


def test_jobs_are_found_again_after_a_restart(
    jobs: Path, server: Server, browser: "sync_api.BrowserContext", links: dict[str, str]
) -> None:
    other = Server(jobs)
    try:
        page = Page(browser, other.url.rstrip("/") + links["done"])
        page.wait_for("done")
        page = Page(browser, other.url.rstrip("/") + links["cancelled"])
        page.wait_for("cancelled")
    finally:
        other.stop()
    page = Page(browser, server.url)
    page.page.wait_for_selector(f"#jobs a[href='{links['done']}']")
    assert page.page.query_selector(f"#jobs a[href='{links['cancelled']}']")


def test_a_job_is_deleted(server: Server, browser: "sync_api.BrowserContext", links: dict[str, str]) -> None:
    page = Page(browser, server.url.rstrip("/") + links["cancelled"])
    page.wait_for("cancelled")
    page.page.click("#delete")
    page.page.wait_for_selector("#view .failed")
    assert "[VS525]" in page.page.inner_text("#view")


def test_nothing_was_asked_of_the_network(asked: list[str]) -> None:
    assert len(asked) > 50
    assert not [url for url in asked if not _is_here(url)]
