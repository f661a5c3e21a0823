"""A real browser that may reach nothing but this machine, and what a person does on the page."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.web.conftest import until

sync_api = pytest.importorskip("playwright.sync_api", reason="a browser is driven by playwright; pip install it")
CHROMIUM = Path("/usr/bin/chromium")
needs_chromium = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs chromium; apt-get install chromium")

CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


def is_here(url: str) -> bool:
    """Whether an address is one of this machine."""
    return urlsplit(url).scheme in ("data", "blob") or urlsplit(url).hostname == "127.0.0.1"


class Page:
    """What a person does on the page."""

    def __init__(self, context: "sync_api.BrowserContext", url: str) -> None:
        self.page = context.new_page()
        self.page.goto(url)
        self.page.wait_for_selector("#paint")

    def drop(self, source: Path, *styles: Path) -> None:
        self.page.set_input_files("#source input[type=file]", source)
        self.page.wait_for_selector(f"#source :text('{source.suffix}')")
        for style in styles:
            self.add(style)

    def add(self, style: Path) -> None:
        """Adds an own style, which is chosen then."""
        self.page.set_input_files("#styles input[type=file]", style)
        self.page.locator("#shelf label.selected", has_text=style.stem).wait_for()

    def choose(self, name: str, value: object) -> None:
        """Fills a field, in the part that is unfolded if need be."""
        found = f"#set-{name} :is(input, textarea)"
        if not self.page.is_visible(found):
            self.page.get_by_role("button", name="Advanced").click()
            self.page.wait_for_timeout(500)  # its fields are made now, and take their values
        self.page.fill(found, str(value))

    def pick(self, name: str, label: str) -> None:
        """Picks from a menu."""
        self.page.click(f"#set-{name} input")
        self.page.get_by_role("option", name=label).click()

    def choose_first_layer(self) -> None:
        """For which no more than one layer of filters is learned."""
        for layers in ("style-layers", "content-layers"):
            self.choose(layers, "conv1_1")

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
