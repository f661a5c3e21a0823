"""What the machines of a cluster tell."""

from vidstyle.cluster.worker import ProgressBoard


def test_a_late_word_of_a_segment_that_is_done_does_not_count() -> None:
    board = ProgressBoard()
    board.tell((0, 1), 7, 0.1)
    board.tell((0, 2), 3, 0.2)
    assert board.news([(0, 1), (0, 2), (0, 3)]) == {(0, 1): (7, 0.1), (0, 2): (3, 0.2)}
    for _ in range(2):
        assert board.news([(0, 2)]) == {(0, 2): (3, 0.2)}
        board.tell((0, 1), 8, 0.1)
