"""Settings for all tests."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

from tests import sandboxes

# Loops that tests compile stay out of the user's own cache.
LOOPS = Path(__file__).parents[1] / "_build" / "loops"
os.environ.setdefault("DESCENTLAB_CACHE", str(LOOPS))

# The same examples in each run, so that a green build stays green; and no deadline for
# one example: on a busy machine the first of a function takes long.
settings.register_profile("course", derandomize=True, deadline=None)
settings.load_profile("course")

TESTS = Path(__file__).parent
SHARING = {"autograder", "book"}
"""Folders whose tests share what takes long to make."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium, by Playwright."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip("no Chromium: sudo apt install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Chromium's own sandbox does not start as root.
        arguments = ["--no-sandbox", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


def pytest_collection_modifyitems(items):
    """Share tests out between processors, and skip what this machine cannot run.

    Tests that need the same course, book or environment stay together, so that it is
    made once.
    """
    for item in items:
        place = item.path.relative_to(TESTS)
        together = place.parts[0] if place.parts[0] in SHARING else str(place)
        item.add_marker(pytest.mark.xdist_group(together))
    needy = [item for item in items if item.get_closest_marker("sandbox")]
    if needy and sandboxes.found()[0] is None:
        for item in needy:
            item.add_marker(pytest.mark.skip(reason=sandboxes.found()[1]))
