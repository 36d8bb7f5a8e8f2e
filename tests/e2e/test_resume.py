# SPDX-License-Identifier: MIT
"""kill -9 in the middle of an order: the next start goes on with it and places no second one."""

import json

import pytest

from harness.process import alive
from harness.wait import wait_for

NAME = "www.example.com"

# Where the CA is held: before it hears of the request, or after it acted and before acmed hears of it.
POINTS = [("/authZ", False), ("/authZ", True), ("/chalZ", False), ("/chalZ", True), ("/finalize-order", False),
          ("/finalize-order", True), ("/my-order", False), ("/my-order", True), ("/certZ", False), ("/certZ", True)]


@pytest.fixture
def pebble(make_pebble):
    """One that refuses no nonces: what is held here is to be what the CA made of a request."""
    return make_pebble(env={"PEBBLE_WFE_NONCEREJECT": "0"})


@pytest.mark.parametrize("path, after", POINTS, ids=[f"{p[1:]}-{'after' if a else 'before'}" for p, a in POINTS])
def test_killed_in_mid_order(held, proxy, path, after):
    hold = proxy.hold(path, after)
    held.configure({NAME: {}}).start()
    hold.wait()
    if path == "/my-order" or (path == "/chalZ" and after):
        # The CA validates on its own; who answers it must not be gone before.
        wait_for(lambda: "set VALID" in proxy.pebble.log, "the validation")
    held.kill()
    hold.drop()
    held.start()
    held.issued(NAME)
    held.deployed(NAME)
    assert proxy.pebble.orders() == 1
    assert held.status()["daemon"]["repeated_orders"] == 0


def test_killed_before_the_order_is_placed(held, proxy):
    hold = proxy.hold("/order-plz")
    held.configure({NAME: {}}).start()
    hold.wait()
    held.kill()
    hold.drop()
    held.start()
    held.issued(NAME)
    assert proxy.pebble.orders() == 1


def test_the_one_allowed_loss_is_counted(held, proxy):
    """The CA has the order, its URL never arrived: one repetition, and status tells of it."""
    hold = proxy.hold("/order-plz", after=True)
    held.configure({NAME: {}}).start()
    hold.wait()
    orders = proxy.pebble.orders()
    held.kill()
    hold.release()
    held.start()
    held.issued(NAME)
    assert proxy.pebble.orders() <= orders + 1
    assert held.status()["daemon"]["repeated_orders"] == 1


@pytest.mark.parametrize("who", ["acmed-engine", "acmed-keeper"])
def test_a_killed_child_is_replaced_and_the_order_goes_on(held, proxy, who):
    import os
    import signal
    hold = proxy.hold("/finalize-order", after=True)
    held.configure({NAME: {}}).start()
    hold.wait()
    before = held.children()
    os.kill(before[who], signal.SIGKILL)
    wait_for(lambda: not any(alive(p) for p in before.values()), "both children to end")
    hold.release()
    held.issued(NAME)
    assert held.process.running()
    assert proxy.pebble.orders() == 1


def test_stopped_in_mid_order(held, proxy):
    hold = proxy.hold("/authZ")
    held.configure({NAME: {}}).start()
    hold.wait()
    assert held.stop() == 0
    hold.drop()
    held.start()
    held.issued(NAME)
    assert proxy.pebble.orders() == 1


@pytest.mark.parametrize("damage", [
    lambda o: o.update(url=o["url"].replace("https", "httpt")), lambda o: o.update(url="https://127.0.0.1:1/my-order/1"), lambda o: o.update(ca=None),
    lambda o: o.pop("names"), lambda o: o.update(created=o["created"] - 11 * 86400)], ids=["scheme", "origin", "no-ca", "no-names", "old"])
def test_an_order_that_cannot_be_resumed_is_placed_anew(held, proxy, damage):
    """Whatever happened to the note of it: the certificate is issued all the same."""
    hold = proxy.hold("/authZ")
    held.configure({NAME: {}}).start()
    hold.wait()
    assert held.stop() == 0
    hold.drop()
    file = held.state / f"state/{NAME}.json"
    journal = json.loads(file.read_text())
    damage(journal["order"])
    file.write_text(json.dumps(journal))
    held.start()
    held.issued(NAME)
    assert proxy.pebble.orders() == 2


def test_an_order_that_is_placed_anew_counts(held, proxy):
    """Its names changed while no acmed was there: the CA's limit has two orders less."""
    def left():
        (orders, *_), = (ca["limits"] for ca in held.ctl("plan", "--json").json["cas"])
        return orders["left"]

    limits = {"limits": "10/30d"}
    hold = proxy.hold("/authZ")
    held.configure({NAME: {}}, ca=limits).start()
    hold.wait()
    held.kill()
    hold.drop()
    held.configure({NAME: {"domains": f"{NAME} example.com"}}, ca=limits).start()
    held.deployed(NAME)
    assert proxy.pebble.orders() == 2 and left() == 8
