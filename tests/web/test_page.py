"""The page in a real browser that may reach nothing but this machine."""

from pathlib import Path

import pytest
import torch

from tests.images import clouds
from tests.web.browser import Page, is_here, needs_chromium, sync_api
from tests.web.conftest import Server, until
from vidstyle.images import save_image

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def links() -> dict[str, str]:
    return {}


def test_a_film_is_painted_live_and_cancelled(
    server: Server, context: "sync_api.BrowserContext", place: Path, links: dict[str, str]
) -> None:
    page = Page(context, server.url)
    page.drop(place / "clip.mp4", place / "stripes.png")
    page.choose("steps", 300)
    page.choose("frame-steps", 300)
    page.choose_first_layer()
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


def test_three_actions_start_a_job(server: Server, context: "sync_api.BrowserContext", place: Path) -> None:
    page = Page(context, server.url)
    page.page.set_input_files("#source input[type=file]", place / "photo.png")
    page.page.locator("#shelf label", has_text="swirl").click()
    page.page.click("#paint")
    page.page.wait_for_selector("#view h3:text('photo in the style of swirl')")
    page.wait_for("painting")
    assert page.page.query_selector("#view img[alt='the source']")
    page.page.click("#cancel")
    page.wait_for("cancelled")


def test_the_first_look_is_shown_until_the_painting_is_as_fine(
    server: Server, context: "sync_api.BrowserContext", place: Path, jobs: Path
) -> None:
    save_image(place / "large.png", clouds(128, 176))  # painted from 32 x 44 on; first looks are finer
    page = Page(context, server.url)
    page.drop(place / "large.png", place / "stripes.png")
    page.choose("steps", 100_000)
    page.choose_first_layer()
    page.paint()
    page.page.wait_for_selector("#view .first-look :text('Finding the balance: first look')")
    page.page.wait_for_selector("#view .note:text('Painting the image')")
    assert page.live
    assert "first_look" in page.live
    assert not (jobs / page.live.split("/")[2] / "latest.jpg").exists()
    page.page.click("#cancel")
    page.wait_for("cancelled")


def test_an_image_is_painted_to_the_end_and_downloaded(
    server: Server, context: "sync_api.BrowserContext", place: Path, tmp_path: Path, links: dict[str, str]
) -> None:
    page = Page(context, server.url)
    page.drop(place / "photo.png", place / "stripes.png")
    page.page.get_by_label("Also create a GIF of the painting process").check()
    page.choose("steps", 2)
    page.choose_first_layer()
    page.paint()
    page.wait_for("done")
    assert page.page.query_selector("#view .compare input[type=range]")
    with page.page.expect_download() as waiting:
        page.page.get_by_role("link", name="Download").click()
    assert waiting.value.suggested_filename == "photo_stripes.png"
    waiting.value.save_as(tmp_path / "got.png")
    assert (tmp_path / "got.png").read_bytes()[:4] == b"\x89PNG"
    with page.page.expect_download() as waiting:
        page.page.get_by_role("link", name="How it was painted").click()
    waiting.value.save_as(tmp_path / "got.gif")
    assert (tmp_path / "got.gif").read_bytes()[:6] == b"GIF89a"
    links["done"] = page.page.query_selector("#jobs a").get_attribute("href") or ""  # type: ignore[union-attr]


def test_the_slider_uncovers_the_painting(server: Server, context: "sync_api.BrowserContext") -> None:
    page = Page(context, server.url)  # which shows the last job
    page.wait_for("done")
    page.page.fill("#view .compare .wipe", "10")
    clip = page.page.eval_on_selector("#view .compare .over", "over => getComputedStyle(over).clipPath")
    assert clip.startswith("inset(0px 90% 0px 0px")


def test_an_image_of_the_webcam_is_painted(server: Server, context: "sync_api.BrowserContext", place: Path) -> None:
    page = Page(context, server.url)
    page.page.get_by_role("tab", name="Webcam").click()
    page.page.get_by_role("button", name="Take a photo in 3 seconds").click()
    page.page.get_by_text("Photo in 3").wait_for()
    photo = "#webcam .image-frame img"
    page.page.wait_for_selector(photo)
    page.page.get_by_role("button", name="Take another photo in 3 seconds").click()
    page.page.wait_for_selector(photo, state="detached")
    page.page.wait_for_selector(photo)
    page.page.wait_for_selector("#facts .facts")
    page.add(place / "stripes.png")
    page.choose("steps", 1)
    page.pick("size", "320 px")
    page.choose_first_layer()
    page.page.wait_for_timeout(1000)
    before = len(page.page.query_selector_all("#jobs a"))
    page.page.click("#paint")
    until(lambda: len(page.page.query_selector_all("#jobs a")) > before)
    page.wait_for("done")


def test_sample_styles_are_shown_chosen_and_unchosen(server: Server, context: "sync_api.BrowserContext") -> None:
    page = Page(context, server.url).page
    chosen = page.locator("#shelf label.selected")
    box = page.locator("#shelf label", has_text="swirl")
    image = box.evaluate("box => getComputedStyle(box, '::before').backgroundImage")
    assert page.evaluate("url => fetch(url).then(got => got.headers.get('content-type'))", image[5:-2]) == "image/jpeg"
    box.click()
    chosen.wait_for()
    assert chosen.inner_text().strip() == "swirl"
    box.click()
    chosen.wait_for(state="detached")


def test_own_styles_are_added_to_those_chosen(server: Server, context: "sync_api.BrowserContext", place: Path) -> None:
    page = Page(context, server.url)
    page.page.locator("#shelf label", has_text="swirl").click()
    page.add(place / "stripes.png")
    page.add(place / "photo.png")
    chosen = page.page.locator("#shelf label.selected")
    assert chosen.all_inner_texts() == ["swirl", "stripes", "photo"]
    image = chosen.last.evaluate("box => getComputedStyle(box, '::before').backgroundImage")
    assert page.page.evaluate("url => fetch(url).then(got => got.status)", image[5:-2]) == 200
    (place / "broken.png").write_bytes(b"no image")
    page.page.set_input_files("#styles input[type=file]", place / "broken.png")
    page.page.wait_for_selector("#style-message :text('broken.png')")
    assert chosen.count() == 3


def test_what_is_missing_is_told_next_to_its_field(
    server: Server, context: "sync_api.BrowserContext", place: Path
) -> None:
    page = Page(context, server.url)
    page.page.click("#paint")
    page.page.wait_for_selector("#facts :text('Add a video or photo first, or take a photo with the webcam')")
    page.page.set_input_files("#source input[type=file]", place / "photo.png")
    page.page.wait_for_selector("#facts .facts")
    page.page.click("#paint")
    page.page.wait_for_selector("#style-message :text('No style is chosen')")
    assert not page.page.query_selector("#message .failed")


def test_a_wrong_setting_is_told_at_its_field_which_is_unfolded(
    server: Server, context: "sync_api.BrowserContext", place: Path
) -> None:
    form = Page(context, server.url)
    form.drop(place / "photo.png", place / "stripes.png")
    page = form.page
    form.choose("steps", 0)
    page.get_by_role("button", name="Advanced").click()
    page.wait_for_selector("#set-steps", state="hidden")
    for _ in range(2):  # it is shown again where it is asked for again
        page.evaluate("scrollTo(0, 0)")
        page.click("#paint")
        field = page.locator("#set-steps input[aria-invalid=true]")
        field.wait_for()
        page.wait_for_function("document.activeElement.closest('#set-steps')")
        page.wait_for_function("document.querySelector('#set-steps').getBoundingClientRect().bottom < innerHeight")
    described = page.locator(f"#set-steps #{field.get_attribute('aria-describedby')}")
    assert described.locator("[data-code=VS244]").inner_text().startswith("Steps ")
    assert not page.is_visible("#message .failed")
    form.choose("steps", 1)
    field.wait_for(state="detached")
    assert not described.count()
    form.choose("style-layers", "conv9_1")
    page.click("#paint")
    page.wait_for_selector("#set-style-layers .field-error [data-code=VS233]")
    assert page.locator(".field-error").count() == 1


def test_a_preview_comes_into_sight_above_the_buttons(
    server: Server, context: "sync_api.BrowserContext", place: Path
) -> None:
    page = Page(context, server.url)
    page.drop(place / "photo.png", place / "stripes.png")
    page.choose_first_layer()
    for width, height in ((1366, 650), (390, 844)):
        page.page.set_viewport_size({"width": width, "height": height})
        page.page.evaluate("scrollTo(0, 0)")
        page.page.click("#preview")
        page.page.wait_for_selector("#preview-view [data-state=painting]")
        page.page.wait_for_selector("#preview-view [data-state=done]")
        top, bottom, buttons = "#preview-view .compare", "#preview-view .note", "#actions"
        edge = "document.querySelector('{}').getBoundingClientRect()"
        below = f"{edge.format(bottom)}.bottom <= {edge.format(buttons)}.top"
        page.page.wait_for_function(f"{edge.format(top)}.top >= 0 && {below}")


def test_a_video_is_trimmed_by_sliders(server: Server, context: "sync_api.BrowserContext", place: Path) -> None:
    page = Page(context, server.url)
    assert not page.page.is_visible("#end")
    page.drop(place / "clip.mp4", place / "stripes.png")
    page.page.wait_for_selector("#facts :text('4 frames')")
    assert page.page.get_attribute("#end input[type=range]", "max") == page.page.input_value("#end input[type=range]")
    slider = page.page.locator("#start input[type=range]")
    slider.focus()
    slider.press("ArrowRight")
    page.page.wait_for_selector("#facts :text('3 frames'), #facts :text('2 frames')")
    assert page.page.is_visible("#report")
    assert not page.page.is_visible("#animated")


def test_what_was_chosen_is_described(server: Server, context: "sync_api.BrowserContext", place: Path) -> None:
    page = Page(context, server.url)
    page.drop(place / "clip.mp4", place / "stripes.png")
    facts = page.page.wait_for_selector("#facts .facts", timeout=60_000)
    assert facts
    for fact in ("clip.mp4", "64 x 48", "4 frames", "to learn weights first"):
        assert fact in facts.inner_text()
    assert facts.query_selector("img[src^='data:image/jpeg']")


def test_what_cannot_be_painted_is_said(server: Server, context: "sync_api.BrowserContext", place: Path) -> None:
    (place / "list.mp4").write_text("#EXTM3U\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n")
    page = Page(context, server.url)
    page.drop(place / "list.mp4", place / "stripes.png")
    page.page.click("#paint")
    said = page.page.wait_for_selector("#facts .failed", timeout=30_000)
    assert "list.mp4" in said.inner_text()  # type: ignore[union-attr]
    assert said.get_attribute("data-code") == "VS346"  # type: ignore[union-attr]
    assert "Traceback" not in page.page.inner_text("body")


def test_jobs_are_found_again_after_a_restart(
    jobs: Path, server: Server, context: "sync_api.BrowserContext", links: dict[str, str]
) -> None:
    other = Server(jobs)
    try:
        page = Page(context, other.url.rstrip("/") + links["done"])
        page.wait_for("done")
        page = Page(context, other.url.rstrip("/") + links["cancelled"])
        page.wait_for("cancelled")
    finally:
        other.stop()
    page = Page(context, server.url)
    page.page.wait_for_selector(f"#jobs a[href='{links['done']}']")
    assert page.page.query_selector(f"#jobs a[href='{links['cancelled']}']")


def test_without_samples_a_style_is_asked_for(context: "sync_api.BrowserContext", place: Path, tmp_path: Path) -> None:
    (tmp_path / "shelf").mkdir()
    save_image(tmp_path / "shelf" / "mask.png", torch.ones(3, 48, 64))  # which is no style
    server = Server(tmp_path / "jobs", "--shelf", str(tmp_path / "shelf"))
    try:
        page = Page(context, server.url)
        assert not page.page.is_visible("#shelf")
        page.page.set_input_files("#source input[type=file]", place / "photo.png")
        page.page.wait_for_selector("#facts .facts")
        page.page.click("#paint")
        page.page.wait_for_selector("#style-message [data-code=VS374]")
        page.add(place / "stripes.png")
        assert page.page.is_visible("#shelf")
    finally:
        server.stop()


def test_a_job_is_deleted(server: Server, context: "sync_api.BrowserContext", links: dict[str, str]) -> None:
    page = Page(context, server.url.rstrip("/") + links["cancelled"])
    page.wait_for("cancelled")
    page.page.once("dialog", lambda asked: asked.dismiss())
    page.page.click("#delete")
    page.page.wait_for_timeout(1500)
    assert page.state == "cancelled"
    page.page.once("dialog", lambda asked: asked.accept())
    page.page.click("#delete")
    page.page.wait_for_selector("#view .empty")
    page.page.wait_for_function("!location.search.includes('job')")
    assert not page.page.query_selector("#view .failed")


def test_nothing_was_asked_of_the_network(asked: list[str]) -> None:
    assert len(asked) > 50
    assert not [url for url in asked if not is_here(url)]
