"""``vidstyle weights``: the filters that are kept on this machine."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from vidstyle.cli.examples import examples
from vidstyle.cli.messages import HASH_DIGITS, memory
from vidstyle.cli.options import COMMANDS, AnyPath, ManyPaths, Overwrite, Telling
from vidstyle.cli.terminal import open_terminal
from vidstyle.errors import SinkError, UsageError, WeightsError
from vidstyle.files import check_there, refuse_existing

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger(__name__)

ENDING = ".safetensors"
Published = Literal["imagenet", "raft-small", "raft-large"]

weights = App(
    name="weights",
    help="Manage network weights: status, fetch, import, teach. Default: status.",
    help_epilogue=examples("weights"),
    group=COMMANDS,
)


@weights.default
@weights.command(help_epilogue=examples("weights status"))
def status() -> None:
    """List stored weights with path, size, hash and state."""
    from vidstyle.core.weights import cache_folder, imagenet_file

    with open_terminal(Telling()):
        kept = sorted(cache_folder().glob("*.safetensors"), key=lambda path: path.name)
        states = [state_of(path) for path in kept]
        print(cache_folder())
        for path, (state, digest) in zip(kept, states, strict=True):
            print(f"  {path.name:<42} {memory(path.stat().st_size):>7}  {digest:<{HASH_DIGITS}}  {state}")
        if imagenet_file() not in kept:
            print("  no ImageNet weights; get them with: vidstyle weights fetch")
        broken = sum(state != "ok" for state, _ in states)
        if broken:
            raise WeightsError("VS701", broken=broken, count=len(kept))


@weights.command(help_epilogue=examples("weights fetch"))
def fetch(
    what: Published = "imagenet",
    /,
    *,
    telling: Telling = Telling(),
) -> None:
    """Download the ImageNet weights of torchvision (548 MiB, of which 80 MB are stored), or those of RAFT.

    Args:
        what: The weights to download.
    """
    from vidstyle.core.raft import fetch_raft, raft_file
    from vidstyle.core.weights import fetch_imagenet, imagenet_file

    with open_terminal(telling) as terminal:
        path = imagenet_file() if what == "imagenet" else raft_file(what)
        if path.exists() and state_of(path)[0] == "ok":
            log.info("the %s weights are already downloaded", "ImageNet" if what == "imagenet" else what)
        else:
            with terminal.listening() as listener:
                fetch_imagenet(listener.working) if what == "imagenet" else fetch_raft(what, listener.working)
        print(path)


@weights.command(name="import", help_epilogue=examples("weights import"))
def import_(
    file: AnyPath,
    /,
    *,
    telling: Telling = Telling(),
) -> None:
    """Import the ImageNet or RAFT weights from a torchvision file that you downloaded.

    Args:
        file: torchvision's file: vgg19-dcbb9e9d.pth, or that of a RAFT model.
    """
    from vidstyle.core.raft import import_raft, raft_of
    from vidstyle.core.weights import import_filters, read_tensors

    with open_terminal(telling):
        raft = raft_of(read_tensors(file)[0])
        print(import_raft(raft, file) if raft else import_filters(file))


@weights.command(help_epilogue=examples("weights teach"))
def teach(
    images: ManyPaths,
    /,
    *,
    output: Annotated[AnyPath, Parameter(alias="-o", metavar="FILE")],
    seed: Annotated[int, Parameter(metavar="N")] = 0,
    overwrite: Overwrite = False,
    telling: Telling = Telling(),
) -> None:
    """Learn weights from images, in a minute and without a download. Use them with --weights FILE.

    Args:
        images: Images, or folders of images, to learn from.
        output: The .safetensors file to write.
        seed: Random seed for the choice of patches.
    """
    if not images:
        raise UsageError("VS101")
    if output.suffix.lower() != ENDING:  # its folder is made where there is none
        raise SinkError("VS414", path=output, suffix=output.suffix, endings=ENDING)
    refuse_existing([output], overwrite)
    for path in images:
        check_there(path, "file or folder")
    with open_terminal(telling) as terminal:
        from vidstyle.core.selftaught import learn
        from vidstyle.core.weights import save_filters
        from vidstyle.settings.layers import LAYERS

        teachers = _teachers(images)
        with terminal.listening() as listener:
            filters = learn(
                teachers,
                deepest=LAYERS[-1],
                seed=seed,
                on_progress=lambda done, count: listener.working("learning weights", done, count),
            )
        save_filters(filters, output)
        print(output)


def state_of(path: Path) -> tuple[str, str]:
    """``ok`` or what is wrong with a kept file, and the first digits of its SHA-256."""
    from vidstyle.core.raft import SIZES
    from vidstyle.core.weights import read_filters, read_tensors
    from vidstyle.settings.layers import LAYERS

    try:
        digest = read_tensors(path)[0] if path.stem in SIZES else read_filters(path, LAYERS[0]).sha256
    except WeightsError as error:
        log.debug("%s", error)
        return "damaged: not readable as weights", ""
    noted = path.with_suffix(".sha256")
    if not noted.is_file() or noted.read_text(errors="replace").strip() != digest:
        return "damaged: its SHA-256 differs", digest[:HASH_DIGITS]
    return "ok", digest[:HASH_DIGITS]


def _teachers(images: Sequence[Path]) -> list["Tensor"]:
    from vidstyle.images import load_image
    from vidstyle.video.reader import find_images

    files = [file for path in images for file in (find_images(path) if path.is_dir() else [path])]
    log.info("learning from %d images", len(files))
    return [load_image(file).rgb for file in files]
