"""``vidstyle weights``: the filters that are kept on this machine."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from vidstyle.cli.logs import error_console, logging_to
from vidstyle.cli.options import COMMANDS, AnyPath, ManyPaths, Switch, Telling
from vidstyle.cli.words import HASH_DIGITS, memory
from vidstyle.errors import SinkError, SourceError, UsageError, WeightsError

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger(__name__)

OnProgress = Callable[[str, int, int], None]
Published = Literal["imagenet", "raft-small", "raft-large"]

weights = App(
    name="weights",
    help="Filters of the networks: what is kept, fetching, learning. Without a command: status.",
    help_epilogue="""\
Examples:
  vidstyle weights teach holiday/ monet.jpg -o mine.safetensors
  vidstyle clip.mp4 --style monet.jpg --weights mine.safetensors""",
    group=COMMANDS,
)


@weights.default
@weights.command
def status() -> None:
    """What is kept where, with size and hash, and whether it is whole."""
    from vidstyle.core.weights import cache_folder, imagenet_file

    with logging_to(error_console()):
        kept = sorted(cache_folder().glob("*.safetensors"), key=lambda path: path.name)
        states = [state_of(path) for path in kept]
        print(cache_folder())
        for path, (state, digest) in zip(kept, states, strict=True):
            print(f"  {path.name:<42} {memory(path.stat().st_size):>7}  {digest:<{HASH_DIGITS}}  {state}")
        if imagenet_file() not in kept:
            print("  no ImageNet filters; get them with: vidstyle weights fetch")
        broken = sum(state != "ok" for state, _ in states)
        if broken:
            raise WeightsError("VS701", broken=broken, count=len(kept))


@weights.command
def fetch(
    what: Annotated[Published, Parameter(help="The filters to fetch.")] = "imagenet",
    /,
    *,
    telling: Telling = Telling(),  # noqa: B008 (frozen)
) -> None:
    """Download torchvision's ImageNet filters (548 MiB, of which 80 MB are kept), or those of --flow raft-..."""
    from vidstyle.core.raft import fetch_raft, raft_file
    from vidstyle.core.weights import fetch_imagenet, imagenet_file

    with _telling(telling) as tell:
        path = imagenet_file() if what == "imagenet" else raft_file(what)
        if path.exists() and state_of(path)[0] == "ok":
            log.info("the %s filters are here already", "ImageNet" if what == "imagenet" else what)
        elif what == "imagenet":
            fetch_imagenet(tell)
        else:
            fetch_raft(what, tell)
        print(path)


@weights.command(name="import")
def import_(
    file: Annotated[AnyPath, Parameter(help="torchvision's vgg19-dcbb9e9d.pth, or its file of RAFT.")],
    /,
    *,
    telling: Telling = Telling(),  # noqa: B008 (frozen)
) -> None:
    """Keep the filters of torchvision's file, downloaded elsewhere, as the ImageNet filters or RAFT's."""
    from vidstyle.core.raft import import_raft, raft_of
    from vidstyle.core.weights import import_filters, read_tensors

    with _telling(telling):
        raft = raft_of(read_tensors(file)[0])
        print(import_raft(raft, file) if raft else import_filters(file))


@weights.command
def teach(
    images: Annotated[ManyPaths, Parameter(help="Images, or folders of images, to learn from.")],
    /,
    *,
    output: Annotated[AnyPath, Parameter(alias="-o", metavar="FILE", help="The .safetensors file to write.")],
    seed: Annotated[int, Parameter(help="Seed of the choice of patches.", metavar="N")] = 0,
    overwrite: Annotated[Switch, Parameter(help="Replace an output that exists.")] = False,
    telling: Telling = Telling(),  # noqa: B008 (frozen)
) -> None:
    """Learn filters from images, in a minute and without a download; use them with --weights FILE."""
    _check_target(images, output, overwrite)
    with _telling(telling) as tell:
        from vidstyle.core.selftaught import learn
        from vidstyle.core.weights import save_filters
        from vidstyle.settings.layers import LAYERS

        teachers = _teachers(images)
        filters = learn(
            teachers, deepest=LAYERS[-1], seed=seed, on_layer=lambda done, count: tell("learning filters", done, count)
        )
        save_filters(filters, output)
        print(output)


@contextmanager
def _telling(telling: Telling) -> Iterator[OnProgress]:
    """Log and progress of one command; yields what to tell progress to."""
    from vidstyle.cli.console import listening

    console = error_console()
    with logging_to(console, telling.quiet, telling.log_file), listening(console, telling.quiet) as listener:
        yield listener.working


def state_of(path: Path) -> tuple[str, str]:
    """``ok`` or what is wrong with a kept file, and the first digits of its SHA-256."""
    from vidstyle.core.raft import SIZES
    from vidstyle.core.weights import read_filters, read_tensors
    from vidstyle.settings.layers import LAYERS

    try:
        digest = read_tensors(path)[0] if path.stem in SIZES else read_filters(path, LAYERS[0]).sha256
    except WeightsError as error:
        log.debug("%s", error)
        return "broken: not readable as filters", ""
    noted = path.with_suffix(".sha256")
    if not noted.is_file() or noted.read_text(errors="replace").strip() != digest:
        return "broken: its SHA-256 is not the one noted", digest[:HASH_DIGITS]
    return "ok", digest[:HASH_DIGITS]


def _check_target(images: Sequence[Path], output: Path, overwrite: bool) -> None:
    if not images:
        raise UsageError("VS101")
    if output.suffix.lower() != ".safetensors":
        raise SinkError("VS401", output=output)
    if output.exists() and not overwrite:
        raise SinkError("VS402", path=output)
    for path in images:
        if not path.exists():
            raise SourceError("VS301", path=path)


def _teachers(images: Sequence[Path]) -> list["Tensor"]:
    from vidstyle.images import load_image
    from vidstyle.video.reader import find_images

    files = [file for path in images for file in (find_images(path) if path.is_dir() else [path])]
    log.info("learning from %d images", len(files))
    return [load_image(file).rgb for file in files]
