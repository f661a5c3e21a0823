"""A film in segments, and which of them can be painted next."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from vidstyle.jobs.chunks import OVERLAP, seams_of
from vidstyle.jobs.manifest import FEWEST_FRAMES, MOST_FRAMES, Segment, SegmentQueue, segments_of


@st.composite
def films(draw: st.DrawFn) -> tuple[int, list[int]]:
    frames = draw(st.integers(1, 1000))
    cuts = draw(st.sets(st.integers(1, frames - 1), max_size=12)) if frames > 1 else set()
    return frames, sorted(cuts)


SIZES = st.tuples(st.integers(1, 3000), st.integers(1, 3000))


CHUNKS = st.sampled_from([0, 200, 400])


def of(
    film: tuple[int, list[int]], size: tuple[int, int], *, ways: int = 1, loop: bool = False, chunk: int = 0
) -> list[Segment]:
    return list(segments_of(*film, size, both_ways=ways == 2, loop=loop, chunk_frames=chunk))


@given(films(), SIZES, st.sampled_from([1, 2]), st.booleans())
def test_every_frame_is_in_one_segment_and_no_segment_spans_a_cut(
    film: tuple[int, list[int]], size: tuple[int, int], ways: int, loop: bool
) -> None:
    segments = of(film, size, ways=ways, loop=loop)
    assert [frame for s in segments for frame in range(s.start, s.stop)] == list(range(film[0]))
    assert [s.index for s in segments] == list(range(len(segments)))
    starts = {s.start: s.shot for s in segments}
    assert {cut: shot for cut, shot in starts.items() if cut in film[1]} == {c: i for i, c in enumerate(film[1], 1)}
    assert [s.ends_film for s in segments] == [False] * (len(segments) - 1) + [True]
    assert {s.needs for s in segments} - {None} == {s.index for s in segments if s.leaves}


@given(films(), SIZES)
def test_one_way_a_segment_goes_on_from_the_one_before_in_its_shot(
    film: tuple[int, list[int]], size: tuple[int, int]
) -> None:
    segments = of(film, size)
    assert segments[0].needs is None
    for before, after in itertools.pairwise(segments):
        assert after.needs == (before.index if before.shot == after.shot else None)
    assert all(len(s) <= MOST_FRAMES for s in segments)


@given(films(), SIZES, st.integers(192, 700))
def test_a_chunk_begins_with_a_lead_that_the_chunk_before_meets(
    film: tuple[int, list[int]], size: tuple[int, int], chunk: int
) -> None:
    segments = of(film, size, chunk=chunk)
    shown = [s for s in segments if not s.leads]
    assert [frame for s in shown for frame in range(s.start, s.stop)] == list(range(film[0]))
    leads = [s for s in segments if s.leads]
    assert len(leads) == seams_of(*film, chunk)
    for lead in leads:
        meeting, beginning = segments[lead.index + 1 : lead.index + 3]
        assert (meeting.start, meeting.stop, meeting.meets) == (lead.start, lead.stop, lead.index)
        assert (lead.needs, meeting.needs, beginning.needs) == (None, lead.index - 1, lead.index)
        assert (len(lead), beginning.start, beginning.shot) == (OVERLAP, lead.stop, lead.shot)
    for first, stop in itertools.pairwise([0, *film[1], film[0]]):
        starts = [first, *(s.stop for s in leads if first < s.stop < stop), stop]
        assert len(starts) == 2 or all(chunk <= b - a < 2 * chunk for a, b in itertools.pairwise(starts))


def test_larger_images_have_shorter_segments_but_not_too_short() -> None:
    long = (10_000, list[int]())
    longest = [max(map(len, of(long, size))) for size in ((180, 320), (720, 1280), (2160, 3840))]
    assert longest[0] == MOST_FRAMES > longest[1] > longest[2] == FEWEST_FRAMES


@given(films(), SIZES)
def test_both_ways_a_shot_is_one_segment_that_needs_no_other(
    film: tuple[int, list[int]], size: tuple[int, int]
) -> None:
    assert [(s.start, s.stop, s.needs) for s in of(film, size, ways=2)] == [
        (first, stop, None) for first, stop in itertools.pairwise([0, *film[1], film[0]])
    ]


def test_the_last_shot_of_a_loop_goes_back_to_the_first() -> None:
    assert [s.needs for s in of((30, [10, 20]), (64, 64), ways=2, loop=True)] == [None, None, 0]
    assert [s.needs for s in of((30, []), (64, 64), ways=2, loop=True)] == [None]


def test_job_after_job_and_of_a_job_the_longest_shot_first() -> None:
    film = of((100, [60]), (180, 320))
    queue = SegmentQueue([(film, []), (film, [])])
    assert [queue.take() for _ in range(len(queue))] == [(0, 0), (0, 3), (1, 0), (1, 3)]


def test_a_segment_waits_for_the_one_that_it_goes_on_from() -> None:
    film = of((100, [50]), (180, 320))
    queue = SegmentQueue([(film, film[:1])])
    assert [queue.take() for _ in range(len(queue))] == [(0, 3), (0, 1)]
    queue.painted((0, 1))
    assert (len(queue), queue.take()) == (1, (0, 2))
    queue.painted((0, 2))
    assert not queue


def test_of_a_job_that_is_dropped_nothing_is_left() -> None:
    film = of((100, [60]), (180, 320))
    queue = SegmentQueue([(film, []), (film, [])])
    queue.drop(0)
    assert [queue.take() for _ in range(len(queue))] == [(1, 0), (1, 3)]


@given(films(), SIZES, st.sampled_from([1, 2]), st.booleans(), st.integers(0, 100), CHUNKS)
def test_every_segment_is_taken_once_after_those_that_it_needs(
    film: tuple[int, list[int]], size: tuple[int, int], ways: int, loop: bool, before: int, chunk: int
) -> None:
    segments = of(film, size, ways=ways, loop=loop, chunk=chunk)
    done = segments[:before]
    queue, taken = SegmentQueue([(segments, done)]), [one.index for one in done]
    while queue:
        _, index = queue.take()
        assert {segments[index].needs, segments[index].meets} <= {None, *taken}
        taken.append(index)
        queue.painted((0, index))
    assert sorted(taken) == list(range(len(segments)))
