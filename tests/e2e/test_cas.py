# SPDX-License-Identifier: MIT
"""Several CAs, in order of preference."""

import json

import pytest

from harness.pki import DAY
from harness.wait import wait_for
from test_renew import plant

NAME = "www.example.com"
AT_EASE, PRESSED = "at-ease.example.com", "pressed.example.com"
REJECTED = {"type": "urn:ietf:params:acme:error:rejectedIdentifier", "detail": "not here", "status": 403}


def two_cas(acmed, first, second, names=(NAME,), **certificate):
    """The preferred one is called pebble, the other one spare."""
    raw = acmed.section("ca spare", {"directory": second.directory_url, "ca_file": getattr(second, "pebble", second).ca_file})
    acmed.configure({n: {"ca": "pebble spare", **{k: v.format(n) for k, v in certificate.items()}} for n in names}, raw=raw, ca={
        "directory": first.directory_url, "ca_file": getattr(first, "pebble", first).ca_file})
    return acmed


def test_a_refusal_moves_on_at_once(held, proxy, make_pebble):
    spare = make_pebble(directory="spare")
    proxy.answer("/order-plz", 403, REJECTED, times=50)
    two_cas(held, proxy, spare).start()
    held.issued(NAME)
    assert spare.orders() == 1
    assert held.status(NAME)["ca"] == "spare" or held.deployed(NAME)
    assert "moved" in events(held, NAME)
    assert "not here" in held.ctl("history", NAME).out
    # The next renewal begins with the preferred one again; renew waits through the change and ends well.
    before = len([1 for _, p, _ in proxy.requests if p == "/order-plz"])
    r = held.ctl("renew", "now", NAME)
    assert r.code == 0 and "spare" in r.text, r
    assert len([1 for _, p, _ in proxy.requests if p == "/order-plz"]) == before + 1
    assert held.generation(NAME) == 2


def test_the_second_is_registered_ahead_of_need(acmed, pebble, make_pebble):
    spare = make_pebble(directory="spare")
    two_cas(acmed, pebble, spare).start()
    acmed.issued(NAME)
    wait_for(lambda: (acmed.state / "accounts/spare").is_dir() and "There are now 1 account" in spare.log, "the account at the second CA")
    assert pebble.orders() == 1 and spare.orders() == 0
    assert "CA          pebble (in order of preference: pebble, spare)\n" in acmed.ctl("show", NAME).out


def test_a_second_that_is_not_there_is_said_early(acmed, pebble, make_pebble):
    spare = make_pebble(directory="spare")
    spare.stop()
    two_cas(acmed, pebble, spare).start()
    acmed.issued(NAME)
    wait_for(lambda: "CA spare, which is to help out" in acmed.log.read_text(), "the warning")
    assert acmed.ctl("status", "--check").code == 0


def test_the_choice_survives_a_restart(held, proxy, make_pebble):
    spare = make_pebble(directory="spare")
    proxy.answer("/order-plz", 403, REJECTED, times=50)
    spare.stop()
    two_cas(held, proxy, spare).start()
    wait_for(lambda: "CA spare is asked instead of pebble" in held.log.read_text(), "the change")
    wait_for(lambda: held.status(NAME)["ca"] == "spare", "status to say so")
    held.stop()
    orders = len([1 for _, p, _ in proxy.requests if p == "/order-plz"])
    held.start()
    assert wait_for(lambda: (s := held.status(NAME))["ca"] == "spare" and s["state"] == "waiting", "it to wait for the second CA")
    assert len([1 for _, p, _ in proxy.requests if p == "/order-plz"]) == orders


def test_what_a_ca_says_of_itself(held, proxy):
    proxy.rewrite_json("directory", lambda d: d["meta"].update(website="https://www.ca.example/", caaIdentities=["ca.example"]), times=None)
    held.configure({NAME: {}}).start()
    held.issued(NAME)
    ca = next(c for c in held.status()["daemon"]["cas"] if c["name"] == "pebble")
    assert ca["website"] == "https://www.ca.example/" and ca["caa_identities"] == ["ca.example"], ca
    assert ca["terms"] and ca["external_account_required"] is False and ca["notes"] == [], ca


def test_each_has_limits_of_its_own(acmed, pebble, make_pebble):
    spare = make_pebble(directory="spare")
    raw = acmed.section("ca spare", {"directory": spare.directory_url, "ca_file": spare.ca_file, "limits": "10/1h"})
    here, there = ("one.example.com", "two.example.com"), ("three.example.com", "four.example.com")
    acmed.configure({**{n: {} for n in here}, **{n: {"ca": "spare"} for n in there}}, raw=raw, ca={"limits": "1/1h"}).start()
    for name in there:
        acmed.issued(name)
    cas = wait_for(lambda: (c := {c["name"]: c for c in acmed.status()["daemon"]["cas"]})["pebble"]["state"] == "limited" and c, "the limit of one CA to be used up")
    assert cas["pebble"]["orders_waiting"] == 1 and cas["pebble"]["until"] > 0, cas
    assert cas["spare"]["state"] == "ready" and cas["spare"]["orders_waiting"] == 0, cas
    wait_for(lambda: sum(acmed.generation(n) for n in here) == 1, "the one that there is room for")
    left = {c["name"]: c["limits"][0]["left"] for c in acmed.ctl("plan", "--json").json["cas"]}
    assert left == {"pebble": 0, "spare": 8}, left


@pytest.fixture
def due(held, proxy, pebble, make_pebble, authority):
    """Two live certificates that are to be renewed; their second CA. For one, half of the time for that is left and more; for the other it
    is about to run out."""
    spare = make_pebble(directory="spare")
    plant(held, authority, [AT_EASE], 65 * DAY, 90 * DAY)
    plant(held, authority, [PRESSED], 88 * DAY, 90 * DAY)
    two_cas(held, proxy, spare, (AT_EASE, PRESSED))
    return spare


def stays(acmed, name, trouble, attempts=0):
    """What is in the way is known (trouble: the state of the preferred CA), and it waits for that CA."""
    def waits():
        status = acmed.status()
        c = next(c for c in status["certificates"] if c["name"] == name)
        ca = next(ca for ca in status["daemon"]["cas"] if ca["name"] == "pebble")
        return ca["state"] == trouble and c["state"] in ("waiting", "failing") and c["attempts"] >= attempts and c
    status = wait_for(waits, f"{name} to wait")
    assert status["ca"] == "pebble" and status["generation"] == 1, status
    assert "moved" not in events(acmed, name)


def events(acmed, name):
    return [e["event"] for e in acmed.ctl("history", name, "--json").events]


def later(acmed, seconds):
    """As if the attempts so far had been that long ago: acmed is stopped, its journals moved, acmed started."""
    acmed.stop()
    for name in (AT_EASE, PRESSED):
        path = acmed.state / "state" / f"{name}.json"
        journal = json.loads(path.read_text())
        choice = journal["ca_choice"] or {"since": 0, "until": []}
        for times in (journal["issued"], choice["until"]):
            times[:] = [max(0, t - seconds) for t in times]
        for where, what in ((journal, "not_before"), (choice, "since")):
            where[what] = max(0, where[what] - seconds)
        with path.open("r+") as f:  # its owner and mode stay
            f.truncate()
            f.write(json.dumps(journal))
    acmed.start()


def test_a_ca_that_is_away_is_waited_for_while_there_is_time(held, proxy, pebble, due):
    proxy.stop()
    held.start()
    held.issued(PRESSED, 2)
    assert "moved" in events(held, PRESSED)
    stays(held, AT_EASE, "unreachable")
    assert due.orders() == 1 and pebble.orders() == 0
    # It is back: for the one that waited, and for the next renewal of the other.
    proxy.start()
    held.renew(AT_EASE)
    assert held.generation(AT_EASE) == 2 and pebble.orders() == 1
    held.renew(PRESSED)
    assert held.generation(PRESSED) == 3 and pebble.orders() == 2
    assert due.orders() == 1


def test_a_ca_that_asks_for_patience_has_it_while_there_is_time(held, proxy, pebble, due):
    proxy.answer("/order-plz", 429, "rateLimited", {"Retry-After": "7200"}, times=None)
    held.start()
    held.issued(PRESSED, 2)
    assert "moved" in events(held, PRESSED)
    stays(held, AT_EASE, "closed")
    assert due.orders() == 1 and pebble.orders() == 0


def test_a_ca_that_fails_has_a_quarter_of_an_hour(held, proxy, pebble, due):
    """Whoever has no time to lose gives it no more than that."""
    proxy.answer("/order-plz", 500, "serverInternal", times=None)
    held.start()
    for name in (AT_EASE, PRESSED):
        stays(held, name, "ready", attempts=1)
    later(held, 1200)
    held.issued(PRESSED, 2)
    stays(held, AT_EASE, "ready", attempts=2)
    assert due.orders() == 1 and pebble.orders() == 0


def test_a_refusal_is_not_waited_out_and_not_held_against_it(held, proxy, pebble, due):
    """Time has nothing to do with it. A later renewal, which nobody asks for, begins with the preferred CA again."""
    fault = proxy.answer("/order-plz", 403, REJECTED, times=None)
    held.start()
    for name in (AT_EASE, PRESSED):
        held.deployed(name, 2)
        assert "moved" in events(held, name)
    assert due.orders() == 2 and pebble.orders() == 0
    proxy.remove(fault)
    two_cas(held, proxy, due, (AT_EASE, PRESSED), domains="{} more.example.com")
    later(held, 7200)
    for name in (AT_EASE, PRESSED):
        held.issued(name, 3)
    assert due.orders() == 2 and pebble.orders() == 2
