"""What axe finds of the page: nothing serious, in any state, light and dark, on a desktop and on a phone."""

from pathlib import Path
from typing import Any

import pytest

from tests.web.browser import Page, needs_chromium, sync_api
from tests.web.conftest import QUICK, Server, until
from vidstyle.web.job_folder import Status
from vidstyle.web.job_store import JobStore

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python")
pytestmark = needs_chromium
SIZES = ({"width": 1280, "height": 940}, {"width": 390, "height": 844})


@pytest.fixture(scope="module")
def names(server: Server, jobs: Path, place: Path) -> dict[str, str]:
    """A job of each state, by it."""
    store, files = JobStore(jobs), (place / "photo.png", [place / "stripes.png"])
    found = {"done": store.submit(place / "clip.mp4", files[1], QUICK)}
    until(lambda: store.status(found["done"]).state == "done")
    found["failed"] = store.submit(*files, QUICK)
    Status("failed", "the style is damaged; use another one").write(store.place(found["failed"]))
    found["painting"] = store.submit(*files, {**QUICK, "steps": 100_000})
    until(lambda: store.status(found["painting"]).losses)
    return found


def faults(page: Any) -> list[str]:
    """What is seriously wrong, with where that is."""
    found = []
    for size in SIZES:
        page.set_viewport_size(size)
        for fault in axe.Axe().run(page).response["violations"]:
            if fault["impact"] in ("serious", "critical"):
                found += [f"{size['width']} px: {fault['id']}: {node['html'][:160]}" for node in fault["nodes"]]
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("state", ["done", "painting", "failed"])
def test_a_job_can_be_read_by_all(
    server: Server, context: "sync_api.BrowserContext", names: dict[str, str], state: str, theme: str
) -> None:
    page = Page(context, f"{server.url}?__theme={theme}&job={names[state]}")
    page.wait_for(state)
    page.page.get_by_text("Settings of this job").click()
    assert not faults(page.page)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_form_can_be_used_by_all(
    server: Server, context: "sync_api.BrowserContext", place: Path, theme: str
) -> None:
    page = Page(context, f"{server.url}?__theme={theme}&job={'x' * 22}")
    page.page.wait_for_selector("#view .failed")
    page.page.click("#paint")
    page.page.wait_for_selector("#facts .failed")
    assert not faults(page.page)
    page.drop(place / "clip.mp4", place / "stripes.png")
    page.page.wait_for_selector("#facts .facts")
    page.page.get_by_role("button", name="Advanced").click()
    page.page.wait_for_timeout(500)
    assert not faults(page.page)
    page.choose("steps", 0)
    page.page.click("#paint")
    page.page.wait_for_selector(".field-error")
    assert not faults(page.page)
    page.page.get_by_role("tab", name="Webcam").click()
    assert not faults(page.page)


def test_a_job_is_painted_by_the_keyboard(
    server: Server, context: "sync_api.BrowserContext", names: dict[str, str], jobs: Path, place: Path
) -> None:
    JobStore(jobs).cancel(names["painting"])
    page = Page(context, server.url).page
    page.set_input_files("#source input[type=file]", place / "photo.png")  # the dialog is the browser's
    page.wait_for_selector("#facts .facts")
    page.locator("#shelf label", has_text="swirl").locator("input").focus()
    page.keyboard.press("Space")
    page.locator("#shelf label.selected").wait_for()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "paint":
            break
    page.keyboard.press("Enter")
    page.wait_for_selector("#view .vs[data-state]")
    page.locator("#cancel").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#view .vs[data-state=cancelled]")


def test_the_button_is_in_sight_on_a_phone(server: Server, context: "sync_api.BrowserContext") -> None:
    page = Page(context, server.url).page
    page.set_viewport_size(SIZES[1])
    for place in (0, 300, 600):
        page.evaluate("place => scrollTo(0, place)", place)
        box = page.locator("#paint").bounding_box()
        assert box
        assert 0 < box["y"] < 844 - box["height"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
