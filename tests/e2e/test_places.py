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


# -- one place, and who does not hold it (L6) -----------------------------------------------------------------------

SLOW, OTHER = "slow.example.com", "other.example.com"


def others_go_on(acmed, slow, doing, other=None, **top):
    """OTHER is renewed while the order of SLOW, which came first, is at what takes long: `doing` in status."""
    acmed.configure({OTHER: other or {}}, max_orders=1, **top).start()
    acmed.issued(OTHER)
    acmed.configure({OTHER: other or {}, SLOW: slow}, max_orders=1, **top)
    assert acmed.ctl("reload").code == 0
    wait_for(lambda: doing in acmed.status(SLOW)["next_action"], f"an order to be {doing}")
    acmed.renew(OTHER)
    assert acmed.status(SLOW)["state"] == "ordering", acmed.status(SLOW)


def work_on(proxy, name):
    """The CA is at work on the order of `name`, and asks to come back in ten minutes."""
    def processing(request, reply):
        if reply.json.get("status") == "valid":
            reply.json = {k: v for k, v in {**reply.json, "status": "processing"}.items() if k != "certificate"}
            reply.set("Retry-After", "600")
    for kind in ("finalize", "order"):
        proxy.rewrite(kind, processing, name=name, times=None)


def test_an_order_that_the_ca_works_on_holds_no_place(held, proxy):
    work_on(proxy, SLOW)
    others_go_on(held, {}, "waiting for the CA to issue")


def test_an_order_that_rests_does_not_keep_a_ca_closed(held, proxy):
    """After a pause one goes first; what becomes of an order that rests is not waited for."""
    work_on(proxy, SLOW)
    proxy.answer("newOrder", 429, "rateLimited", {"Retry-After": "1"}, name=OTHER)
    held.configure({SLOW: {}, OTHER: {}}).start()
    wait_for(lambda: "waiting for the CA to issue" in held.status(SLOW)["next_action"], "an order to rest")
    held.issued(OTHER)
    assert held.status(SLOW)["state"] == "ordering"


def test_an_order_whose_requests_fail_keeps_its_place(held, proxy):
    """A CA that is in trouble is not asked about one order while another one waits to be asked about again."""
    names = [SLOW, OTHER]
    for n in names:
        work_on(proxy, n)
    held.configure({n: {} for n in names}, max_orders=1).start()
    wait_for(lambda: all("waiting for the CA to issue" in held.status(n)["next_action"] for n in names), "both to rest")
    held.kill()
    before = proxy.heard()
    proxy.answer("order", 500, times=None)

    def asked():
        known = (proxy.atlas.known.get(path) for _, path, _ in proxy.requests[before:])
        return [k[1] for k in known if k and k[0] == "order"]
    held.start()
    wait_for(lambda: len(asked()) >= 5, "both to be asked about", 60)
    assert len(set(asked()[:4])) == 1, asked()


def test_a_dns_hook_at_work_holds_no_place(acmed, pebble, script, place):
    go = place / "go"
    hook = script("dns-hook", f"while [ ! -e {go} ]; do sleep 0.05; done\nexit 1\n")
    others_go_on(acmed, {"challenge": "dns-01", "dns_hook": f"exec:{hook}"}, "challenge", dns_resolver="off")
    go.touch()
    assert "dns_hook" in acmed.failed(SLOW)["last_error"]["text"]


def test_an_order_that_does_not_wait_for_its_rsa_key_keeps_no_other_such_waiting(held, proxy):
    work_on(proxy, SLOW)
    others_go_on(held, {"key": "rsa-2048"}, "waiting for the CA to issue", {"key": "rsa-2048"})


def test_a_ca_that_does_not_answer_takes_no_place_of_another(held, proxy, make_pebble):
    spare = make_pebble(directory="spare")
    hold = proxy.hold("newOrder", name=SLOW)
    raw = held.section("ca spare", {"directory": spare.directory_url, "ca_file": spare.ca_file})
    held.configure({SLOW: {}, OTHER: {"ca": "spare"}}, max_orders=1, raw=raw).start()
    hold.wait()
    held.issued(OTHER)
    held.renew(OTHER)
    status = held.status(SLOW)
    assert status["state"] == "ordering" and not status["last_error"], status
    hold.release()
    held.issued(SLOW)
