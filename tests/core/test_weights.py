import pickle
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.images import clouds, point_to, published_vgg19, random_tensors
from tests.refusals import refused
from vidstyle.core import download, weights
from vidstyle.core.weights import Filters, load_filters, read_filters, save_filters

PREFIX = Path(__file__).parents[2].parent / "shared" / "data" / "vgg19_prefix_conv1_1_to_conv3_1.pth"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VIDSTYLE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def load(choice: str, teachers: Callable[[], Sequence[Tensor]] | None = None, seed: int = 0) -> Filters:
    return load_filters(choice, ["conv1_2"], teachers=teachers or (lambda: [clouds(32, 32)]), seed=seed)


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth", "w.pt"])
def test_a_file_gives_its_filters(tmp_path: Path, name: str) -> None:
    tensors = random_tensors("conv2_1")
    path = tmp_path / name
    save_filters(tensors, path) if name.endswith("safetensors") else torch.save(tensors, path)
    filters = load(str(path))
    assert filters.origin == str(path)
    assert filters.tensors.keys() == tensors.keys()
    assert all(torch.equal(filters.tensors[key], tensors[key]) for key in tensors)


def test_classifier_tensors_of_a_whole_file_are_left_out(tmp_path: Path) -> None:
    torch.save(random_tensors("conv1_2") | {"classifier.0.weight": torch.zeros(2, 2)}, tmp_path / "w.pth")
    assert not any(key.startswith("classifier") for key in load(str(tmp_path / "w.pth")).tensors)


class Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path("bomb-went-off"),)


def _pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps(Bomb()))


def _nan(path: Path) -> None:
    broken = random_tensors("conv1_2")
    broken["features.2.weight"][0] = float("nan")
    torch.save(broken, path)


def _narrow() -> dict[str, Tensor]:
    return random_tensors("conv1_2") | {"features.0.weight": torch.zeros(8, 3, 3, 3)}


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "code": (_pickle, "VS720"),
    "not finite": (_nan, "VS718"),
    "empty": (lambda path: path.write_bytes(b""), "VS720"),
    "text": (lambda path: path.write_text("hello"), "VS720"),
    "no state dict": (lambda path: torch.save([1, 2], path), "VS714"),
    "another network": (lambda path: torch.save({"layer1.weight": torch.zeros(1)}, path), "VS715"),
    "other widths": (lambda path: torch.save(_narrow(), path), "VS717"),
    "too short": (lambda path: torch.save(random_tensors("conv1_1"), path), "VS716"),
    "no bias": (lambda path: torch.save({"features.0.weight": torch.zeros(64, 3, 3, 3)}, path), "VS716"),
}


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_a_broken_file_gets_one_clear_line(
    tmp_path: Path, case: str, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make, code = BROKEN[case]
    path = tmp_path / f"w{ending}"
    make(path)
    with refused(code if ending == ".pth" else "VS720") as caught:
        load(str(path))
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert not (tmp_path / "bomb-went-off").exists()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with refused("VS711", "nowhere.pth"):
        load(str(tmp_path / "nowhere.pth"))


def test_taught_filters_are_kept_and_used_again(cache: Path) -> None:
    first = load("selftaught")
    kept = next(cache.glob("selftaught-*.safetensors"))
    before = kept.stat().st_mtime_ns
    second = load("selftaught")
    assert kept.stat().st_mtime_ns == before
    assert first.sha256 == second.sha256
    assert all(torch.equal(first.tensors[key], second.tensors[key]) for key in first.tensors)


def test_taught_filters_depend_on_images_and_seed() -> None:
    first, reseeded = load("selftaught"), load("selftaught", seed=1)
    other = load("selftaught", lambda: [clouds(32, 32, seed=5)])
    assert len({first.sha256, reseeded.sha256, other.sha256}) == 3


def test_broken_taught_filters_are_learned_again(cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = load("selftaught")
    kept = next(cache.glob("selftaught-*.safetensors"))
    kept.write_bytes(kept.read_bytes()[:-9])
    assert load("selftaught").sha256 == first.sha256
    assert "broken" in caplog.text


def test_only_the_newest_taught_filters_are_kept(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "SELFTAUGHT_KEPT", 2)
    for seed in range(4):
        load("selftaught", seed=seed)
    assert len(list(cache.glob("selftaught-*.safetensors"))) == 2
    assert len(list(cache.glob("selftaught-*.sha256"))) == 2


def test_another_vgg19_is_not_imported(cache: Path, tmp_path: Path) -> None:
    torch.save(random_tensors(), tmp_path / "vgg19.pth")
    with refused("VS712", "dcbb9e9d"):
        weights.import_filters(tmp_path / "vgg19.pth")
    assert not weights.imagenet_file().exists()


def test_kept_filters_can_be_read_by_all_whom_the_umask_lets(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    weights.save_filters({"x": torch.zeros(2)}, tmp_path / "x.safetensors")
    assert (tmp_path / "x.safetensors").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_imported_imagenet_filters_are_used_and_checked(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = weights.import_filters(published_vgg19(tmp_path, monkeypatch))
    filters = load("imagenet")
    assert (filters.origin, filters.pooling) == ("imagenet", "max")
    assert load("auto").origin == "imagenet"
    kept.write_bytes(kept.read_bytes()[:-4] + b"oops")
    with refused("VS713"):
        load("imagenet")


def test_an_incomplete_file_is_not_imported(tmp_path: Path) -> None:
    torch.save(random_tensors("conv3_1"), tmp_path / "part.pth")
    with refused("VS716", "conv3_2"):
        weights.import_filters(tmp_path / "part.pth")


@pytest.fixture
def silent_host(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A host that takes connections and never answers."""
    server = socket.create_server(("127.0.0.1", 0))
    taken: list[socket.socket] = []
    threading.Thread(target=lambda: taken.append(server.accept()[0]), daemon=True).start()
    url = f"http://127.0.0.1:{server.getsockname()[1]}/vgg19-dcbb9e9d.pth"
    point_to(url, monkeypatch)
    monkeypatch.setattr(download, "PATIENCE", 0.5)
    yield url
    for connection in (server, *taken):
        connection.close()


def test_a_silent_host_is_given_up(silent_host: str, cache: Path) -> None:
    began = time.monotonic()
    with refused("VS702"):
        load("imagenet")
    assert time.monotonic() - began < 5
    assert not list(cache.glob("*"))


def test_auto_learns_where_the_host_is_silent_and_uses_what_it_learned(
    silent_host: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "vidstyle"):
        assert load("auto").origin == load("auto").origin == "selftaught"
    first, second = (text for text in caplog.messages if "cannot be downloaded" in text)
    assert "learning weights from your images" in first
    assert "learned before" in second


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A web server of a folder; the fetched file's name is in ``folder/name``."""
    import functools
    import hashlib
    import http.server

    folder = tmp_path / "www"
    folder.mkdir()
    torch.save(random_tensors(), folder / "vgg19.pth")
    digest = hashlib.sha256((folder / "vgg19.pth").read_bytes()).hexdigest()
    named = (folder / "vgg19.pth").rename(folder / f"vgg19-{digest[:8]}.pth")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        point_to(f"http://127.0.0.1:{server.server_port}/{named.name}", monkeypatch)
        yield named
        server.shutdown()


def test_fetched_filters_are_kept_without_the_classifier(host: Path, cache: Path) -> None:
    told: list[tuple[int, int]] = []
    filters = load_filters(
        "imagenet", ["conv1_2"], teachers=list, on_progress=lambda _, done, count: told.append((done, count))
    )
    assert filters.origin == "imagenet"
    assert told[-1] == (host.stat().st_size, host.stat().st_size)
    assert {path.name for path in cache.iterdir()} == {"vgg19_imagenet.safetensors", "vgg19_imagenet.sha256"}


def test_a_file_with_another_hash_is_refused(host: Path, cache: Path) -> None:
    host.write_bytes(host.read_bytes() + b"!")
    with refused("VS703"):
        load("imagenet")
    assert not list(cache.iterdir())


@pytest.mark.skipif(not PREFIX.exists(), reason="the trained prefix is not in ../shared/data")
def test_the_trained_prefix_serves_shallow_layers_and_names_what_it_lacks() -> None:
    assert read_filters(PREFIX, "conv3_1").tensors["features.10.bias"].shape == (256,)
    with refused("VS716", "conv3_2", "conv3_3", "conv3_1"):
        read_filters(PREFIX, "conv4_1")
