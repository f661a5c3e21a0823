"""What is tested with, once: settings and filters that paint in milliseconds, a style."""

from pathlib import Path

import pytest

from tests.images import clouds, random_tensors
from vidstyle.core.weights import save_filters
from vidstyle.images import save_image
from vidstyle.settings.settings import Settings

SLOW = (  # folders and files whose tests are left out of a fast check
    *("cluster/", "web/", "studies/", "jobs/", "live/", "cli/", "video/", "evaluation/"),
    *(
        "test_api",
        "test_golden",
        "core/test_stylize_video",
        "core/test_known_faults",
        "core/test_temporal.py::test_a_still_background",
    ),
    *("core/test_selftaught", "core/test_weights"),
)
FAST = (  # but not these of them
    *("cli/test_options", "cli/test_messages", "cli/test_settings_options", "jobs/test_manifest", "jobs/test_eta"),
    *("evaluation/test_metrics", "video/test_masks", "jobs/test_style_schedule", "live/test_scaling"),
)
LONGEST = (  # minutes each: what a worker begins last, the other waits for
    *("jobs/test_kills", "jobs/test_job_faults", "jobs/test_full_disk", "cluster/test_scheduler", "web/test_page"),
    *("jobs/test_runner", "test_golden"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.removeprefix("tests/").startswith(LONGEST))
    for item in items:
        name = item.nodeid.removeprefix("tests/")
        if name.startswith(SLOW) and not name.startswith(FAST):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def filters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of random filters, as deep as `settings` need them."""
    path = tmp_path_factory.mktemp("filters") / "random.safetensors"
    save_filters(random_tensors("conv2_1"), path)
    return path


@pytest.fixture(scope="session")
def settings(filters: Path) -> Settings:
    """Quick to paint: the first layer, one scale, hardly any steps."""
    return Settings(
        style_layers="conv1_1", content_layers="conv1_1", steps=2, frame_steps=1, scales=1, weights=str(filters)
    )


@pytest.fixture(scope="session")
def style(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("style") / "stripes.png"
    save_image(path, clouds(48, 64, seed=4, grain=4))
    return path
