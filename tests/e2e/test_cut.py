# SPDX-License-Identifier: MIT
"""FAULTS 15: the connection ends within a reply. Many certificates in one daemon, each hit at another point."""

import pytest

from harness.acme import Client
from harness.faults import Cut
from harness.wait import wait_for

# Before the first byte, in the status line, in the headers, on their border, in the body, before its last byte.
POINTS = [0, 1, 11, ("head", 0.2), ("head", 0.4), ("head", 0.6), ("head", 0.8), ("head", 0.99), ("body", 0), ("body", 0.01), ("body", 0.3),
          ("body", 0.6), -1]
OF_AN_ORDER = ["newOrder", "authorization", "challenge", "order", "finalize", "certificate"]
OF_THE_CA = ["directory", "newNonce", "newAccount"]


@pytest.fixture
def pebble(make_pebble):
    """Its own refusals of nonces would hide who repeats what."""
    return make_pebble(env={"PEBBLE_WFE_NONCEREJECT": "0"})


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "closed"])
def test_an_order_goes_on(held, proxy, reset):
    names = {f"{kind.lower()}-{i}.example.com": (kind, at) for kind in OF_AN_ORDER for i, at in enumerate(POINTS)}
    cuts = {name: proxy.add(Cut(kind, at, reset, name=name)) for name, (kind, at) in names.items()}
    held.configure({n: {} for n in names}, max_orders=24).start()
    for name in names:
        held.issued(name)
        held.deployed(name)
    assert all(len(cut.hits) == 1 for cut in cuts.values()), [n for n, cut in cuts.items() if not cut.hits]
    placed = {name: proxy.orders(name) for name in names}
    again = [n for n in names if placed[n] == 2]
    assert all(n == 1 or names[name][0] == "newOrder" and n == 2 for name, n in placed.items()), placed
    assert held.status()["daemon"]["repeated_orders"] == len(again) <= len(POINTS)
    wait_for(lambda: held.text().count("it is ordered again") == len(again), "each to be told")
    assert "not issued: " not in held.text()


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "closed"])
def test_a_ca_is_asked_again(held, proxy, reset):
    """What all orders need is asked for when the next attempt is due, or somebody wants it at once."""
    name = "www.example.com"
    cut = proxy.add(Cut("directory", 0, reset))
    held.configure({name: {}}).start()
    wait_for(lambda: held.status(name)["last_error"], "an error to be shown")
    for kind in OF_THE_CA:
        # The reply to HEAD has no body.
        for at in POINTS[:8] if kind == "newNonce" else POINTS:
            # What is lost on a kept connection is sent again at once.
            cut = proxy.add(Cut(kind, at, reset, times=1 if kind == "directory" else 2))
            r = held.renew(name, code=1)
            assert cut.hits and "127.0.0.1" in r.text, (kind, at, r)
            status = held.status(name)
            assert status["state"] == "waiting" and status["last_error"]["class"] in ("network", "transient"), (kind, at, status)
            proxy.remove(cut)
            assert "cannot be reached" in " ".join(held.ctl("status").text.split())
    held.renew(name)
    assert held.generation(name) == 1
    assert proxy.orders(name) == 1
    with proxy.lock:
        created = [s for _, p, s in proxy.requests if p == "/sign-me-up"]
    assert created.count(201) == 1, "one account, whatever was lost"


def usable_keys(held):
    """Which of the keys on the disk the CA takes as the account's."""
    found, account = {}, held.state / "accounts/pebble"
    for name in ("key.pem", "next.pem"):
        try:
            found[name] = Client(held.ca.pebble, account, name).url
        except (AssertionError, FileNotFoundError):
            pass
    return found


def thumbprint(held):
    r = held.ctl("account", "show", "--json")
    assert r.code == 0 and r.json["accounts"][0]["state"] in ("registered", "key-change"), r
    return r.json["accounts"][0]["thumbprint"]


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "closed"])
def test_a_key_is_changed(held, proxy, reset):
    """Whether the CA has changed it or not, and whatever acmed heard of it: the CA's key is on the disk at every moment, and the next command goes on."""
    name, when_answered = "www.example.com", []
    held.configure({name: {}}).start()
    held.deployed(name)
    (url,) = usable_keys(held).values()

    def look(request, reply):
        if request.kind == "keyChange":
            when_answered.append((reply.status, usable_keys(held)))

    proxy.on_reply = look
    for at in POINTS:
        when_answered.clear()
        before = thumbprint(held)
        cut = proxy.add(Cut("keyChange", at, reset))
        r = held.ctl("account", "rollover")
        assert r.code == 0 or "changing the account's key" in r.text, (at, r)
        assert cut.hits and when_answered[0][0] == 200, (at, when_answered)
        assert all(list(keys.values()) == [url] for _, keys in [*when_answered, (0, usable_keys(held))]), (at, when_answered, usable_keys(held))
        proxy.remove(cut)
        thumbprint(held)
        r = held.ctl("account", "rollover")
        assert r.code == 0 and list(usable_keys(held)) == ["key.pem"], (at, r)
        assert thumbprint(held) != before
    held.renew(name)
    held.stop()
    held.start()
    held.renew(name)
    with proxy.lock:
        assert [s for _, p, s in proxy.requests if p == "/sign-me-up"].count(201) == 1, "one account"


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "closed"])
def test_a_contact_is_sent(held, proxy, reset):
    name = "www.example.com"
    held.configure({name: {}}).start()
    held.deployed(name)
    before = thumbprint(held)
    for i, at in enumerate(POINTS):
        held.configure({name: {}}, contact=f"a{i}@example.com")
        assert held.ctl("reload").code == 0
        cut = proxy.add(Cut("/my-account", at, reset))
        r = held.ctl("account", "update")
        assert r.code == 0 or "sending the account's contact" in r.text or "https://127.0.0.1" in r.text, (at, r)
        assert cut.hits and list(usable_keys(held)) == ["key.pem"], (at, cut.hits)
        assert thumbprint(held) == before
        proxy.remove(cut)
        r = held.ctl("account", "update")
        assert r.code == 0, (at, r)
        assert Client(proxy.pebble, held.state / "accounts/pebble").contact() == [f"mailto:a{i}@example.com"]
    assert held.ctl("account", "rollover").code == 0
    held.renew(name)
    assert thumbprint(held) != before
