# SPDX-License-Identifier: MIT
"""Several CAs, in order of preference."""

from harness.wait import wait_for

NAME = "www.example.com"


def two_cas(acmed, first, second, **certificate):
    """The preferred one is called pebble, the other one spare."""
    raw = acmed.section("ca spare", {"directory": second.directory_url, "ca_file": getattr(second, "pebble", second).ca_file})
    acmed.configure({NAME: {"ca": "pebble spare", **certificate}}, raw=raw, ca={
        "directory": first.directory_url, "ca_file": getattr(first, "pebble", first).ca_file})
    return acmed


def test_a_refusal_moves_on_at_once(held, proxy, make_pebble):
    spare = make_pebble(directory="spare")
    proxy.answer("/order-plz", 403, {"type": "urn:ietf:params:acme:error:rejectedIdentifier", "detail": "not here", "status": 403}, times=50)
    two_cas(held, proxy, spare).start()
    held.issued(NAME)
    assert spare.orders() == 1
    assert held.status(NAME)["ca"] == "spare" or held.deployed(NAME)
    events = [e["event"] for e in held.ctl("history", NAME, "--json").events]
    assert "moved" in events
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
    proxy.answer("/order-plz", 403, {"type": "urn:ietf:params:acme:error:rejectedIdentifier", "detail": "not here", "status": 403}, times=50)
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
