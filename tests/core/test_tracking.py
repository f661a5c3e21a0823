from tests.images import clouds
from vidstyle.core.flow import dis, tracked
from vidstyle.core.frame_style import Frame

SCENE = clouds(48, 120, grain=5)


def pan(count: int, cut: int | None = None) -> list[Frame]:
    return [Frame(i, i / 24, SCENE[:, :, 2 * i : 2 * i + 64].clone(), cut=i == cut) for i in range(count)]


def test_every_frame_comes_with_its_motion_since_the_frames_that_there_are() -> None:
    assert [list(one.motions) for one in tracked(pan(6), (1, 2, 4), dis)] == [
        [], [1], [1, 2], [1, 2], [1, 2, 4], [1, 2, 4],
    ]  # fmt: skip


def test_motion_adds_up_over_the_frames_back() -> None:
    *_, last = tracked(pan(6), (1, 2, 4), dis)
    found = {back: float(m.flow[12:-12, 12:-12, 0].median()) for back, m in last.motions.items()}
    for back, shift in found.items():
        assert abs(shift - 2 * back) < 0.2


def test_nothing_is_carried_over_a_cut_or_another_size() -> None:
    assert [list(one.motions) for one in tracked(pan(4, cut=2), (1, 2), dis)] == [[], [1], [], [1]]
    other = Frame(2, 0.1, clouds(40, 40))
    assert [list(one.motions) for one in tracked([*pan(2), other], (1, 2), dis)] == [[], [1], []]
