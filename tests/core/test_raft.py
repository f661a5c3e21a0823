"""RAFT's filters are not at hand without the internet: here its network has random ones."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.models.optical_flow import Raft_Small_Weights, raft_small

from tests.images import clouds
from tests.refusals import refused
from vidstyle.core.raft import Raft, flow_estimator, import_raft, prepare_flow, raft_file, raft_of
from vidstyle.core.weights import cache_folder, kept, read_tensors

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("raft") / "raft.pth"
    torch.save(raft_small(weights=None).state_dict(), path)
    return path


@pytest.fixture
def published(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that passes for the one that torchvision publishes, at an address that answers."""
    monkeypatch.setenv("VIDSTYLE_CACHE", str(tmp_path / "cache"))
    path = tmp_path / f"raft-{hashlib.sha256(exported.read_bytes()).hexdigest()[:8]}.pth"
    shutil.copy(exported, path)
    monkeypatch.setattr(Raft_Small_Weights.DEFAULT.value, "url", path.as_uri())
    return path


def test_filters_are_fetched_once_and_kept_without_pickle(published: Path) -> None:
    told: list[str] = []
    prepare_flow("raft-small", lambda what, *_: told.append(what))
    assert told[0] == "fetching the weights of raft-small"
    assert {path.name for path in cache_folder().iterdir()} == {"raft-small.safetensors", "raft-small.sha256"}
    published.unlink()
    prepare_flow("raft-small", lambda *_: pytest.fail("fetched again"))
    tensors = kept(raft_file("raft-small"))[1]
    assert Raft.load("raft-small", CPU).network.state_dict().keys() == tensors.keys()


@pytest.mark.parametrize("size", [(64, 100), (128, 136), (137, 150)])
def test_the_flow_has_the_images_size_and_is_that_of_the_network(published: Path, size: tuple[int, int]) -> None:
    import_raft("raft-small", published)
    image, earlier = clouds(*size), clouds(*size, seed=1)
    flow = flow_estimator("raft-small", CPU)(image, earlier)
    assert flow.shape == (*size, 2)
    assert flow.dtype == np.float32
    if size == (128, 136):  # nothing is added at the sides
        network = raft_small(weights=None).eval()
        network.load_state_dict(read_tensors(published)[1])
        with torch.no_grad():
            expected = network(image[None] * 2 - 1, earlier[None] * 2 - 1)[-1][0].permute(1, 2, 0).numpy()
        assert np.allclose(flow, expected, atol=1e-3 * abs(expected).max())


def test_another_file_is_refused(exported: Path, published: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pth"
    torch.save({"weight": torch.zeros(1)}, other)
    assert raft_of(read_tensors(published)[0]) == "raft-small"
    assert raft_of(read_tensors(other)[0]) is None
    with refused("VS706", "raft-small"):
        import_raft("raft-small", other)
    with refused("VS706", "raft-large"):
        import_raft("raft-large", published)


def test_kept_filters_that_were_changed_are_refused(published: Path) -> None:
    path = import_raft("raft-small", published)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with refused("VS713"):
        flow_estimator("raft-small", CPU)


@pytest.mark.parametrize("fault", ["shape", "number"])
def test_filters_that_do_not_fit_are_refused(
    fault: str, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tensors = dict(read_tensors(published)[1])
    key = "flow_head.conv2.weight" if "flow_head.conv2.weight" in tensors else next(iter(tensors))
    tensors[key] = torch.zeros(1) if fault == "shape" else torch.full_like(tensors[key], float("nan"))
    path = tmp_path / "wrong.pth"
    torch.save(tensors, path)
    digits = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    monkeypatch.setattr(Raft_Small_Weights.DEFAULT.value, "url", f"http://127.0.0.1:9/raft-{digits}.pth")
    with refused("VS708" if fault == "shape" else "VS707"):
        import_raft("raft-small", path)
