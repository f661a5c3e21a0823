"""Where to paint."""

import itertools
from pathlib import Path

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests import clips
from tests.refusals import refused
from vidstyle.images import save_image
from vidstyle.video.masks import divided, feathered, open_mask


def half(height: int = 20, width: int = 30) -> Tensor:
    """White on the left."""
    plane = torch.zeros(1, height, width)
    plane[..., : width // 2] = 1
    return plane


def test_an_image_is_the_same_mask_for_all_frames(tmp_path: Path) -> None:
    save_image(tmp_path / "mask.png", half().expand(3, -1, -1))
    with open_mask(tmp_path / "mask.png", (20, 30)) as mask:
        planes = mask(0)
        assert torch.equal(next(planes), half())
        assert next(planes) is next(planes)


def test_what_is_transparent_is_not_painted(tmp_path: Path) -> None:
    save_image(tmp_path / "mask.png", torch.ones(3, 20, 30), alpha=half())
    with open_mask(tmp_path / "mask.png", (20, 30)) as mask:
        assert torch.equal(next(mask(0)), half())


def test_a_mask_of_another_size_is_scaled(tmp_path: Path) -> None:
    save_image(tmp_path / "mask.jpg", half(80, 120).expand(3, -1, -1))
    with open_mask(tmp_path / "mask.jpg", (20, 30)) as mask:
        plane = next(mask(0))
    assert plane.shape == (1, 20, 30)
    assert (plane[..., :13] == 1).all()
    assert (plane[..., 17:] == 0).all()


def test_a_video_has_a_mask_for_each_frame_and_ends(tmp_path: Path) -> None:
    white = "geq=lum='255*between(X,8*N,8*N+31)':cb=128:cr=128"
    clips.ffmpeg("-f", "lavfi", "-i", f"color=black:s=160x96:r=25:d=0.4,{white}", tmp_path / "mask.mp4")
    with open_mask(tmp_path / "mask.mp4", (96, 160)) as mask:
        planes = list(itertools.islice(mask(3), 7))
        with refused("VS339", "mask.mp4"):
            list(mask(3))
    for number, plane in enumerate(planes, 3):
        columns = plane[0].mean(0).numpy()
        assert abs(int(np.argmax(columns > 0.5)) - 8 * number) <= 1
        assert set(np.unique(plane[0, 40].numpy())) >= {0.0, 1.0}


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.floats(0, 20))
def test_feathers_lie_inside(seed: int, width: float) -> None:
    plane = (torch.rand(1, 17, 23, generator=torch.Generator().manual_seed(seed)) > 0.3).float()
    soft = feathered(plane, width)
    assert (soft[plane == 0] == 0).all()
    assert ((soft >= 0) & (soft <= plane)).all()


def test_a_feather_rises_from_the_edge() -> None:
    row = feathered(half(), 8)[0, 10]
    assert row[:7].tolist() == [1.0] * 7
    assert (row[7:15].diff() < 0).all()
    assert (row[15:] == 0).all()


def test_a_mask_that_is_all_white_has_no_edge() -> None:
    assert torch.equal(feathered(torch.ones(1, 9, 9), 5), torch.ones(1, 9, 9))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.floats(0, 10))
def test_shares_of_styles_sum_to_what_is_covered(seed: int, width: float) -> None:
    planes = torch.rand(3, 12, 14, generator=torch.Generator().manual_seed(seed))
    planes = torch.where(planes > 0.4, planes, 0)
    total = planes.sum(0).clamp(max=1)
    assert torch.allclose(divided(planes, width).sum(0), total, atol=1e-4)
    assert (divided(planes, width)[:, total == 0] == 0).all()
