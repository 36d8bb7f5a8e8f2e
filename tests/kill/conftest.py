# SPDX-License-Identifier: MIT
"""The fixtures are those of tests/e2e."""

import importlib.util
import json
import pathlib
import sys

import pytest

E2E = pathlib.Path(__file__).parents[1] / "e2e"
sys.path.insert(0, str(E2E))
_spec = importlib.util.spec_from_file_location("e2e_fixtures", E2E / "conftest.py")
_fixtures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_fixtures)
globals().update({k: v for k, v in vars(_fixtures).items() if not k.startswith("_")})

from harness.process import Process  # noqa: E402
from harness.wait import wait_for  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=240, help="how many processes are killed at random (default 240)")
    parser.addoption("--seed", type=int, default=None, help="of the random numbers; the one taken is printed")


@pytest.fixture
def observed(place, ending):
    """Starts the observer; calling what it returns ends it and gives its report."""
    def start(acmed, names):
        report = place / "observed.json"
        p = Process([sys.executable, pathlib.Path(__file__).with_name("observer.py"), acmed.state, report, *names], place / "observer.log")
        ending(p.stop)
        wait_for(report.with_suffix(".ready").exists, "the observer")

        def end():
            p.stop()
            assert report.exists(), p.text()
            return json.loads(report.read_text())
        return end
    return start
