# SPDX-License-Identifier: MIT
"""How many orders are in flight at once: max_orders of them, or, while it is unset, more at a CA that is far away."""

import threading
import time

import pytest

from harness.faults import Fault
from harness.wait import wait_for

NAMES = [f"n{i:02}.example.com" for i in range(32)]


class Path(Fault):
    """Every request takes `round_trip` seconds longer. most: orders that were in flight at once, as the CA sees them."""

    def __init__(self, round_trip):
        super().__init__("*", times=None)
        self.round_trip, self.flying, self.most = round_trip, set(), 0
        self.lock = threading.Lock()

    def takes(self, request):
        return True

    def instead(self, request):
        with self.lock:
            if request.kind == "newOrder":
                self.flying.add(request.name)
                self.most = max(self.most, len(self.flying))
        time.sleep(self.round_trip)

    def change(self, request, reply):
        with self.lock:
            if request.kind == "certificate":
                self.flying.discard(request.name)


def issue(held, path, **settings):
    held.proxy.add(path)
    held.configure({n: {} for n in NAMES}, **settings).start()
    wait_for(lambda: all(held.generation(n) for n in NAMES), "all to be issued", 120)
    return path.most


@pytest.fixture
def held(held, proxy):
    held.proxy = proxy
    return held


def test_a_far_ca_has_more_orders_in_flight(held):
    assert 8 < issue(held, Path(0.06), max_orders=None) <= 24


def test_what_is_configured_holds_at_a_far_ca(held):
    assert issue(held, Path(0.06), max_orders=8) == 8
