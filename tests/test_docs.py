"""What the docs say can be followed: links lead somewhere, commands and Python snippets run as they stand."""

import re
import shlex
import shutil
import string
import subprocess
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import imageio_ffmpeg
import pytest
from PIL import Image

import vidstyle
from tests.images import published_vgg19
from vidstyle.cli.main import app, main
from vidstyle.core.weights import import_filters
from vidstyle.errors import TEXTS

ROOT = Path(vidstyle.__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
SIDE = "40"  # pixels of everything that is painted here

# Commands that are parsed but not run: words that stand in them, and why.
NOT_RUN = {
    "webcam": "needs a camera",
    "--ray": "needs a cluster",
    "serve": "serves until it is stopped",
    "fetch": "needs the network",
    "teach": "learns for a minute",
    "doctor": "looks at this machine; tests/cli/test_doctor.py runs it",
    "mine.safetensors": "needs the weights of teach; scripts/gallery.py runs the commands of the gallery",
    "eight.safetensors": "needs the weights of teach, as above",
}
NOT_EXECUTED = {'vidstyle.Camera("0")': "needs a camera"}  # parts of snippets that are compiled only, and why

OF_OTHERS = {
    "--node-ip-address",
    "--array",
    "--dependency",
    "--methods",
}  # options of other programs that the docs name
SHALLOW = ("--style-layers", "conv1_1", "--content-layers", "conv1_1")
QUICK = {  # what is added to a command, by its first word, so that it takes a second
    "": ("--steps", "1", "--frame-steps", "1", "--scales", "1", *SHALLOW),
    "reconstruct": ("--steps", "1"),
    "texture": ("--steps", "1", *SHALLOW[:2]),
    "layers": ("--steps", "1", "--size", SIDE, *SHALLOW),
    "report": SHALLOW,
}
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`")


def with_some(pages: Sequence[Path], kind: str) -> list[Path]:
    """Pages that have blocks of a kind."""
    return [page for page in pages if fenced(page, kind)]


def fenced(page: Path, language: str) -> list[str]:
    return [text for kind, text in FENCED.findall(page.read_text(encoding="utf-8")) if kind == language]


@cache
def anchors(page: Path) -> set[str]:
    """Of the headings of a page, as GitHub names them; a second one of a name gets -1."""
    names: list[str] = []
    for line in FENCED.sub("", page.read_text(encoding="utf-8")).splitlines():
        if line.startswith("#"):
            name = re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower()).replace(" ", "-")
            names.append(f"{name}-{names.count(name)}" if name in names else name)
    return set(names)


def commands(page: Path) -> list[list[str]]:
    """The words after `vidstyle` of all commands of a page, in order.

    In the text a single word after it, as in `vidstyle report`, is a command's name and not a command.
    """
    text = page.read_text(encoding="utf-8")
    lines = [line for block in fenced(page, "sh") for line in block.splitlines()]
    inline = [span for span in INLINE.findall(FENCED.sub("", text)) if len(span.split()) > 2 or span.endswith("doctor")]
    return [words for line in [*lines, *inline] for words in _commands_of(line)]


def _commands_of(line: str) -> Iterator[list[str]]:
    if not re.search(r"\bvidstyle ", line):
        return
    for part in line.split(" && "):
        words = shlex.split(part, comments=True)
        while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
            words = words[1:]
        if words and Path(words[0]).name == "vidstyle":
            yield words[1:]


def small(words: Sequence[str]) -> list[str]:
    """The same command for a small painting that may replace an earlier one."""
    if words[0] in ("paint", "join", "weights"):
        return [*words]
    sizes = {re.compile(r"\d+"): SIDE, re.compile(r"\d+x\d+"): f"{SIDE}x{SIDE}"}
    pairs = zip(["", *words], words, strict=False)
    done = [
        next((s for p, s in sizes.items() if p.fullmatch(w)), w) if before == "--size" else w for before, w in pairs
    ]
    return [*done, *QUICK.get(words[0], QUICK[""]), "--overwrite"]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The samples, small, in a folder where commands run; `samples/` in it is the same folder."""
    folder = tmp_path_factory.mktemp("samples")
    for source in (ROOT / "samples").iterdir():
        if source.suffix in (".jpg", ".png"):
            with Image.open(source) as image:
                image.reduce(max(image.size) // int(SIDE)).save(folder / source.name)
    scaled = ("-i", ROOT / "samples" / "clip.mp4", "-vf", f"scale={SIDE}:-2", "-r", "3", folder / "clip.mp4")
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *scaled], check=True)
    (folder / "videos").mkdir()
    shutil.copy(folder / "clip.mp4", folder / "videos")
    (folder / "samples").symlink_to(".")
    return folder


@pytest.fixture(scope="module")
def workplace(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """That folder as the current one, with random weights in the place of the ImageNet weights."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIDSTYLE_CACHE", str(tmp_path_factory.mktemp("cache")))
        published = published_vgg19(tmp_path_factory.mktemp("published"), patch)
        import_filters(published)
        for name in ("vgg19.pth", "vgg19-dcbb9e9d.pth"):
            (samples / name).symlink_to(published)
        patch.chdir(samples)
        yield samples


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8"))):
        if not target.startswith(("http://", "https://", "mailto:")):
            path, _, anchor = target.partition("#")
            file = (page.parent / path).resolve() if path else page
            assert file.exists(), f"{page.name}: {target}"
            assert not anchor or anchor in anchors(file), f"{page.name}: {target}"


def test_every_page_is_linked() -> None:
    targets = [(page, target) for page in PAGES for target in LINK.findall(page.read_text(encoding="utf-8"))]
    linked = {(page.parent / target.partition("#")[0]).resolve() for page, target in targets}
    assert set(PAGES) - linked <= {ROOT / "README.md", ROOT / "CHANGELOG.md"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_parse(page: Path) -> None:
    for words in commands(page):
        try:
            app.parse_args(words, exit_on_error=False, print_error=False)
        except Exception as error:
            pytest.fail(f"vidstyle {shlex.join(words)}: {error}")


def test_options_in_the_text_exist(capsys: pytest.CaptureFixture[str]) -> None:
    """Those that stand alone, such as `--size 320`."""
    for command in ("", *(name for name in app if not name.startswith("-"))):
        main([*command.split(), "--help"])
    known = {*re.findall(r"--[a-z][a-z-]*", capsys.readouterr().out), "--help"}
    for page in PAGES:
        spans = INLINE.findall(FENCED.sub("", page.read_text(encoding="utf-8")))
        options = {re.split(r"[ =]", span)[0] for span in spans if re.match(r"--[a-z]", span)}
        assert options - known <= OF_OTHERS, page.name


@pytest.mark.parametrize("page", with_some(PAGES, "sh"), ids=lambda page: page.name)
def test_commands_run(page: Path, workplace: Path) -> None:
    """In their order, in the folder of the samples."""
    for words in commands(page):
        if not any(part in words for part in NOT_RUN):
            assert main(small(words)) == 0, f"vidstyle {shlex.join(words)}"


@pytest.mark.parametrize("page", with_some(PAGES, "python"), ids=lambda page: page.name)
def test_snippets_run(page: Path, workplace: Path) -> None:
    """Those of a page one after the other, with the names of those before."""
    names: dict[str, object] = {}
    for number, snippet in enumerate(fenced(page, "python")):
        code = compile(snippet, f"{page.name}, snippet {number}", "exec")
        if not any(part in snippet for part in NOT_EXECUTED):
            for output in workplace.glob("clip_*.mp4"):
                output.unlink()
            exec(code, names)


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_bytes()) <= 5000


def quoted_errors() -> Iterator[tuple[str, str]]:
    """The texts of errors that the docs quote, with their codes; ``...`` stands for something left out."""
    for page in PAGES:
        yield from ((code, text) for text, code in re.findall(r"`([^`\n]+)` \((VS\d{3})\)", page.read_text()))


@pytest.mark.parametrize(("code", "text"), sorted(set(quoted_errors())))
def test_errors_are_quoted_as_they_are(code: str, text: str) -> None:
    pieces = [re.escape(piece) for piece, *_ in string.Formatter().parse(TEXTS[code])]
    assert re.fullmatch(".*?".join(pieces) + ".*", text), TEXTS[code]
