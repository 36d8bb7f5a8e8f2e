# SPDX-License-Identifier: MIT
"""The fixtures are those of tests/e2e."""

import importlib.util
import pathlib
import sys

E2E = pathlib.Path(__file__).parents[1] / "e2e"
sys.path.insert(0, str(E2E))
_spec = importlib.util.spec_from_file_location("e2e_fixtures", E2E / "conftest.py")
_fixtures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_fixtures)
globals().update({k: v for k, v in vars(_fixtures).items() if not k.startswith("_")})


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=240, help="how many processes are killed at random (default 240)")
    parser.addoption("--seed", type=int, default=None, help="of the random numbers; the one taken is printed")
