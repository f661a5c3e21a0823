"""Links to jobs in a real browser: the end of a job, its settings, and the same again with changes."""

from pathlib import Path

import pytest

from tests.web.browser import Page, needs_chromium, sync_api
from tests.web.conftest import QUICK, Server, until
from vidstyle.web.job_folder import Ticket
from vidstyle.web.job_store import JobStore

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def done(server: Server, jobs: Path, place: Path) -> str:
    """A video that is painted: no browser knows it yet."""
    store = JobStore(jobs)
    settings = {**QUICK, "keep_colors": "luminance"}
    name = store.submit(place / "clip.mp4", [place / "stripes.png"], settings, start=0.0, end=0.1)
    until(lambda: store.status(name).state == "done")
    return name


def test_the_link_of_a_job_shows_its_end_and_its_settings(
    server: Server, context: "sync_api.BrowserContext", done: str
) -> None:
    page = Page(context, f"{server.url}?job={done}")
    page.wait_for("done")
    page.page.get_by_text("Settings of this job").click()
    settings = page.page.inner_text("#view .settings")
    for part in ("clip.mp4", "stripes.png", "Colours\nKeep original", "Part\nfrom 0 s to 0.1 s"):
        assert part in settings
    assert page.page.get_by_role("link", name="Link to this job").get_attribute("href") == f"/?job={done}"


def test_a_job_is_painted_again_with_changes(
    server: Server, context: "sync_api.BrowserContext", jobs: Path, done: str
) -> None:
    page = Page(context, f"{server.url}?job={done}")
    page.wait_for("done")
    page.page.click("#again")
    page.page.wait_for_selector("#source :text('.mp4')")
    page.page.locator("#shelf label.selected", has_text="stripes").wait_for()
    assert page.page.input_value("#end input[type=range]") == "0.1"
    assert page.page.input_value("#set-keep-colors input") == "Keep original"
    page.choose("steps", 2)
    page.page.click("#paint")
    page.page.wait_for_function(f"!location.search.includes('{done}')")
    page.wait_for("done")
    name = page.page.url.partition("job=")[2]
    first, second = (Ticket.read(jobs / job) for job in (done, name))
    assert second.names == first.names
    assert second.settings == {**first.settings, "steps": 2}
    assert (second.start, second.end) == (first.start, first.end)
    page.page.reload()
    page.wait_for("done")
    assert name in page.page.url


def test_a_job_is_opened_next_to_the_form_which_keeps_what_was_chosen(
    server: Server, context: "sync_api.BrowserContext", place: Path
) -> None:
    page = Page(context, server.url)
    page.drop(place / "photo.png")
    page.choose("steps", 1)
    page.choose_first_layer()
    names = []
    for label in ("swirl", "monet"):
        page.page.get_by_label(label).check()
        page.page.click("#paint")
        page.page.wait_for_selector(f"#view h3:text('{label}')")
        page.wait_for("done")
        names.append(page.page.url.partition("job=")[2])
    shown = page.page.locator("#view [data-job]")
    page.choose("seed", 7)
    page.page.evaluate("window.stays = true")
    for name in names:
        page.page.click(f"#jobs a[href$='{name}']")
        page.page.wait_for_selector(f"#view [data-job='{name}']")
        assert page.page.url.endswith(f"job={name}")
    page.page.go_back()
    page.page.wait_for_selector(f"#view [data-job='{names[0]}']")
    page.page.wait_for_timeout(1500)  # the page looks at the jobs again
    assert page.page.url.endswith(f"job={names[0]}")
    assert shown.get_attribute("data-job") == names[0]
    assert page.page.evaluate("window.stays")
    assert page.page.input_value("#set-seed input") == "7"
    assert page.page.is_visible("#source :text('.png')")
    other = Page(context, page.page.url)
    other.page.wait_for_selector(f"#view [data-job='{names[0]}']")


def test_all_of_a_job_that_is_done_is_within_reach(
    server: Server, context: "sync_api.BrowserContext", place: Path
) -> None:
    page = Page(context, server.url)
    page.drop(place / "photo.png", place / "stripes.png")
    page.choose("steps", 1)
    page.choose_first_layer()
    page.paint()
    page.wait_for("done")
    page.page.wait_for_selector("#jobs a")
    buttons = page.page.locator("#results :is(button, a):visible")
    names = " ".join(buttons.all_inner_texts())
    assert all(name in names for name in ("Download", "Paint again with changes", "Delete", "Your jobs"))
    for width, height in ((1280, 900), (1366, 650), (390, 844)):
        page.page.set_viewport_size({"width": width, "height": height})
        for button in buttons.all():
            button.scroll_into_view_if_needed()
            box = button.bounding_box()
            assert box
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
        assert page.page.evaluate("document.querySelector('#results').scrollLeft") == 0


def test_a_painted_video_plays_in_step_with_its_original(
    server: Server, context: "sync_api.BrowserContext", done: str
) -> None:
    page = Page(context, f"{server.url}?job={done}").page
    page.wait_for_function("[...document.querySelectorAll('#view video')].filter(v => v.readyState == 4).length == 2")
    before, after = (f"document.querySelector('#view video.{part}')" for part in ("over", "after"))
    assert page.evaluate(f"{after}.clientWidth") > 500  # of a video of 64 x 48 pixels
    box = page.locator("#view .frame").bounding_box()
    assert box
    assert box["height"] == pytest.approx(box["width"] * 48 / 64, abs=2)
    assert page.evaluate(f"{before}.duration") == pytest.approx(page.evaluate(f"{after}.duration"), abs=0.01)
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(f"{after}.currentTime > 0.02 && !{before}.paused")
    page.get_by_role("button", name="Pause").click()
    page.fill("#view .seek", "0.5")
    half = page.evaluate(f"{after}.duration / 2")
    page.wait_for_function(f"[{before}, {after}].every(v => v.paused && Math.abs(v.currentTime - {half}) < 0.001)")
    page.fill("#view .wipe", "100")
    assert page.evaluate(f"getComputedStyle({before}).clipPath").startswith("inset(0px 0% 0px 0px")
