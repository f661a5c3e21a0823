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
    name = store.submit(place / "clip.mp4", [place / "stripes.png"], settings, start=0.0, end=0.2)
    until(lambda: store.status(name).state == "done")
    return name


def test_the_link_of_a_job_shows_its_end_and_its_settings(
    server: Server, context: "sync_api.BrowserContext", done: str
) -> None:
    page = Page(context, f"{server.url}?job={done}")
    page.wait_for("done")
    page.page.get_by_text("Settings of this job").click()
    settings = page.page.inner_text("#view .settings")
    for part in ("clip.mp4", "stripes.png", "Keep colors\nluminance", "Part\nfrom 0 s to 0.2 s"):
        assert part in settings
    assert page.page.get_by_role("link", name="Link to this job").get_attribute("href") == f"/?job={done}"


def test_a_job_is_painted_again_with_changes(
    server: Server, context: "sync_api.BrowserContext", jobs: Path, done: str
) -> None:
    page = Page(context, f"{server.url}?job={done}")
    page.wait_for("done")
    page.page.click("#again")
    page.page.wait_for_selector("#source :text('.mp4')")
    page.page.wait_for_selector("#styles :text('.png')")
    assert page.page.input_value("#end :is(input, textarea)") == "0.2"
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
