# SPDX-License-Identifier: MIT
"""Many certificates at a CA that limits, asks for a pause, or is away; many reloads of one unit."""

import json
import time

import pytest

from conftest import needs_root
from harness.limits import LimitedProxy
from harness.net import free_port
from harness.wait import wait_for


def sites(n, domain="example.com", **keys):
    return {f"n{i:02}.{domain}": keys for i in range(n)}


@pytest.fixture
def limited(make_pebble, make_acmed, ending):
    """limited(**limits): acmed whose CA limits so. It accepts every nonce: the proxy counts what the CA would refuse for that, too."""
    def make(**limits):
        proxy = LimitedProxy(make_pebble(env={"PEBBLE_WFE_NONCEREJECT": "0"}), **limits)
        ending(proxy.stop)
        acmed = make_acmed(proxy)
        acmed.proxy = proxy
        return acmed
    return make


def ca(acmed):
    return acmed.status()["daemon"]["cas"][0]


def ca_is(acmed, state):
    return wait_for(lambda: (c := ca(acmed))["state"] == state and c, f"the CA to be {state}")


def all_issued(acmed, certificates, seconds):
    wait_for(lambda: all(acmed.generation(n) for n in certificates), f"{len(certificates)} certificates", seconds)


def orders(proxy):
    return sum(p == "/order-plz" for _, p, _ in proxy.requests)


def test_known_limit_is_never_hit(limited):
    # The CA allows as many more as there may be orders in flight: they come later than acmed counts them, and several at once.
    acmed = limited(orders=(28, 24), nonces=(28, 1))
    names = sites(40)
    acmed.configure(names, ca={"limits": "20/20s"}).start()

    def limit_used_up():
        """There is room for an order now and then: the one snapshot or the other may be of such a moment."""
        status = acmed.status()
        c, waiting = status["daemon"]["cas"][0], [s for s in status["certificates"] if s["state"] == "waiting"]
        return c["state"] == "limited" and waiting and (c, waiting)

    c, waiting = wait_for(limit_used_up, "the limit to be used up")
    assert 0 < c["orders_waiting"] <= 20 and c["until"] > 0, c
    for s in waiting:
        assert s["attempts"] == 0 and s["next_at"] > 0 and "limited number" in s["reason"], s

    def told():
        text = " ".join(acmed.ctl("status").text.split())
        return "as many new orders as it allows for now" in text and "orders wait" in text
    wait_for(told, "it to be told")
    all_issued(acmed, names, 60)
    assert acmed.proxy.refused == 0
    assert ca(acmed)["state"] == "ready"


def test_who_waits_for_a_place_is_counted(held, proxy):
    hold = proxy.hold("newOrder")
    held.configure(sites(3), max_orders=1).start()
    hold.wait()
    wait_for(lambda: "2 wait for one of the orders under way (1) to end." in " ".join(held.ctl("status").text.split()), "status to say who waits")
    hold.release()
    all_issued(held, sites(3), 60)
    assert "wait" not in held.ctl("status").text


@pytest.mark.parametrize("date", [False, True])
def test_pause_is_obeyed(limited, date):
    """FAULTS 2: the CA says when, and nobody backs off on his own."""
    acmed = limited(orders=(4, 16), date=date)
    names = sites(8)
    acmed.configure(names).start()
    c = ca_is(acmed, "closed")
    assert "too many new orders" in c["text"] and c["orders_waiting"] > 0, c
    assert c["until"] - time.time() < 8
    wait_for(lambda: "takes no new orders for now" in " ".join(acmed.ctl("status").text.split()), "status to say so")
    all_issued(acmed, names, 60)
    assert acmed.proxy.refused <= 4 + 8  # those in flight at the first time, then one and two by turns


def test_closed_domain_closes_nothing_else(limited):
    acmed = limited(domains={"busy.example": (2, 30)})
    busy, free = sites(4, "busy.example"), sites(6, "free.example")
    acmed.configure({**busy, **free}).start()

    def closed():
        status = acmed.status()
        waiting = [s for s in status["certificates"] if s["state"] == "waiting"]
        return waiting and (waiting, status["daemon"]["cas"][0])
    waiting, c = wait_for(closed, "the domain to be closed")
    assert all(s["name"] in busy and "this domain" in s["reason"] for s in waiting), waiting
    assert c["state"] == "ready", c
    all_issued(acmed, free, 25)
    assert sum(bool(acmed.generation(n)) for n in busy) <= 3  # the fourth has its turn after 30 s
    all_issued(acmed, busy, 60)


def test_ledger_waits_instead_of_being_refused(limited):
    """Limits on a registered domain and on a set of names: what is known of them, across a restart, is never hit."""
    # The CA counts an order when it comes, a while after acmed did: its own interval is the shorter one.
    acmed = limited(each_domain=(3, 9), sets=(2, 20))
    busy, free = sites(6, "busy.com"), sites(3, "free.co.uk")
    acmed.configure({**busy, **free}, ca={"limits": "domain:3/18s set:2/20s"}).start()
    all_issued(acmed, free, 20)
    waiting = wait_for(lambda: [s for s in acmed.status()["certificates"] if s["state"] == "waiting"], "some to wait")
    assert "at most 3 new certificates in 18 s for busy.com" in waiting[0]["reason"], waiting
    assert waiting[0]["attempts"] == 0 and waiting[0]["next_at"] > 0
    acmed.kill()
    acmed.start()
    all_issued(acmed, busy, 60)
    assert acmed.proxy.refused == 0
    name = "n00.free.co.uk"
    for _ in range(2):
        acmed.renew(name, "--force")
    assert acmed.generation(name) == 3
    assert acmed.proxy.refused == 0


def test_failed_validations_stay_below_the_limit(limited):
    """Somebody asks again and again for a name that nobody can prove; a restart forgets nothing."""
    acmed = limited()
    name = "bad.example.com"
    acmed.configure({name: {}}, ca={"limits": "failures:2/1h"}, http_listen=f"127.0.0.1:{free_port()}").start()
    wait_for(lambda: acmed.status()["certificates"][0]["state"] == "failing", "the first failure")
    acmed.renew(name, code=1)
    wait_for(lambda: len(json.loads((acmed.state / "state" / f"{name}.json").read_text())["limits"]["failed_at"]) == 2, "both to be on disk")
    acmed.kill()
    acmed.start()
    with acmed.varlink() as v:
        v.send("org.acmed.Control.Renew", {"names": [name]}, more=True)
        texts = []
        while not any("waiting: " in t for t in texts):
            texts += [p["text"] for p in v.receive()["parameters"]["progress"]]
    assert "lets validation of bad.example.com fail at most 2 times in 1 h" in next(t for t in texts if "waiting: " in t), texts
    assert orders(acmed.proxy) == 2


def test_pause_of_names_says_what_to_do(limited):
    """Let's Encrypt's pause after 1,152 failures in a row: its link is shown, and nobody else waits."""
    acmed = limited()
    link = "https://portal.example/sfe/v1/unpause?jwt=" + "x" * 700
    detail = f"Your account is temporarily prevented from requesting certificates for a.example.com and possibly others. Please visit: {link}"
    problem = {"type": "urn:ietf:params:acme:error:rateLimited", "detail": detail, "status": 429}
    acmed.proxy.answer("/order-plz", 429, problem, times=1)
    acmed.configure({"a.example.com": {}}).start()
    paused = wait_for(lambda: (s := acmed.status()["certificates"][0])["last_error"] and s, "the refusal")
    assert f"open {link} to lift the pause" in paused["advice"], paused
    assert f"open {link}" in " ".join(acmed.ctl("status").text.split())
    assert "To do" in acmed.ctl("show", "a.example.com").text and link in acmed.ctl("show", "a.example.com").text
    assert ca(acmed)["state"] == "ready"
    acmed.renew("a.example.com")  # as the advice says
    assert acmed.status()["certificates"][0]["advice"] is None


def test_one_asks_for_all(limited):
    """FAULTS 20: a CA that is away costs one certificate an error, the others nothing."""
    acmed = limited()
    names = sites(60)
    acmed.proxy.stop()
    acmed.configure(names).start()

    def all_wait():
        status = acmed.status()
        c = status["daemon"]["cas"][0]
        return c["state"] == "unreachable" and c["orders_waiting"] == 60 and (c, [s for s in status["certificates"] if s["last_error"]])
    c, failed = wait_for(all_wait, "all to wait")
    wait_for(lambda: acmed.text().count("not issued: ") == 1, "one to be told")
    assert 50 < c["until"] - failed[0]["last_error"]["at"] < 75
    assert len(failed) == 1 and failed[0]["last_error"]["text"].count("CA pebble") == 1, failed
    text = " ".join(acmed.ctl("status").text.split())
    assert "CA pebble cannot be reached" in text and "60 orders wait" in text, text
    acmed.kill()
    acmed.start()
    ca_is(acmed, "unreachable")
    wait_for(lambda: acmed.text().count("not issued: ") == 2, "one more to be told")
    acmed.proxy.start()
    acmed.renew("n00.example.com")
    all_issued(acmed, names, 60)
    assert orders(acmed.proxy) == 60
    acmed.says("takes orders again")


def test_request_behind_a_pause_says_so(limited):
    acmed = limited()
    problem = {"type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many of them", "status": 429}
    acmed.proxy.answer("/order-plz", 429, problem, {"Retry-After": "3600"}, times=10)
    acmed.configure(sites(2)).start()
    ca_is(acmed, "closed")
    wait_for(lambda: acmed.status()["daemon"]["orders_in_flight"] == 0, "no order to be joined")
    with acmed.varlink() as v:
        v.send("org.acmed.Control.Renew", {"names": ["n01.example.com"]}, more=True)
        texts = []
        while not any("waiting: " in t for t in texts):
            texts += [p["text"] for p in v.receive()["parameters"]["progress"]]
    told = next(t for t in texts if "waiting: " in t)
    assert "too many of them" in told and "; until 20" in told, texts
    assert orders(acmed.proxy) <= 2  # the other may have been under way when the CA closed


@needs_root
def test_reloads_of_one_unit_come_together(pebble, make_acmed, place):
    """FAULTS 55, with a systemctl of the test's own in a mount namespace."""
    log, fake = place / "asked", place / "systemctl"
    fake.write_text(f'#!/bin/sh\necho "$(date +%s) $*" >> {log}\n[ "$1" = show ] && printf "LoadState=loaded\\nActiveState=active\\n"\nexit 0\n')
    fake.chmod(0o755)
    enter = f'mount --bind {fake} /usr/bin/systemctl && exec "$@"'
    acmed = make_acmed(pebble, wrapper=["unshare", "-m", "--propagation", "private", "sh", "-c", enter, "sh"])
    names = sites(20, reload="nginx")
    acmed.configure(names).start()
    for n in names:
        acmed.deployed(n)
    reloads = [line for line in log.read_text().splitlines() if "reload" in line]
    assert 1 <= len(reloads) <= 2 and all("nginx.service" in r for r in reloads), reloads


def test_what_was_learned_of_a_ca_holds_after_a_restart(held, proxy):
    """A CA whose limit nobody knows refuses once; the pace it bears is not learned by refusals again."""
    def pace():
        ca, = held.ctl("plan", "--json").json["cas"]
        return ca["pace_ms"]

    names = [f"n{i}.example.com" for i in range(3)]
    held.configure({names[0]: {}}, max_orders=1).start()
    held.deployed(names[0])
    assert pace() == 0
    proxy.answer("/order-plz", 429, "rateLimited", {"Retry-After": "1"})
    held.configure({n: {} for n in names}, max_orders=1)
    assert held.ctl("reload").code == 0
    for n in names:
        held.deployed(n)
    learned = pace()
    assert learned > 0
    held.kill()
    held.start()
    assert pace() == learned
