# SPDX-License-Identifier: MIT
"""How many orders are in flight at once: max_orders of them, or, while it is unset, more at a CA that is far away."""

import threading
import time

import pytest

from harness.faults import Fault
from harness.limits import LimitedProxy
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


@pytest.fixture
def issue(make_pebble, make_acmed, ending):
    """issue(path, **settings): all, at a CA that lies at the end of it. It lets new nonces be had as often as Let's Encrypt does: 10 at once, 20 a second."""
    def make(path, **settings):
        proxy = LimitedProxy(make_pebble(env={"PEBBLE_WFE_NONCEREJECT": "0"}), nonces=(10, 0.5))
        ending(proxy.stop)
        proxy.add(path)
        acmed = make_acmed(proxy).configure({n: {} for n in NAMES}, **settings).start()
        wait_for(lambda: all(acmed.generation(n) for n in NAMES), "all to be issued", 120)
        assert proxy.refused == 0
    return make


def test_a_far_ca_has_more_orders_in_flight(issue):
    path = Path(0.1)
    issue(path, max_orders=None)
    assert 8 < path.most <= 24


def test_what_is_configured_holds_at_a_far_ca(issue):
    path = Path(0.1)
    issue(path, max_orders=8)
    assert path.most == 8


def test_many_orders_in_flight_do_not_ask_for_nonces_too_fast(issue):
    issue(Path(0.03), max_orders=len(NAMES))
