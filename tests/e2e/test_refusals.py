# SPDX-License-Identifier: MIT
"""FAULTS 11 and 12: accounts that are lost, deactivated or not welcome, and what only a person can mend."""

import time

import pytest

from harness.acme import Client
from harness.daemon import wait_of
from harness.wait import wait_for

NAME = "www.example.com"
HOUR = 3600


@pytest.fixture
def pebble(make_pebble):
    return make_pebble(env={"PEBBLE_WFE_NONCEREJECT": "0"})


def test_an_account_lost_in_flight_is_registered_again(held, proxy):
    """The CA loses all it knew while an order is under way (Pebble keeps nothing): same key, another account, and the order anew."""
    hold = proxy.hold("authorization")
    held.configure({NAME: {}, "b.example.com": {}}).start()
    hold.wait()
    key = (held.state / "accounts/pebble/key.pem").read_bytes()
    proxy.pebble.stop()
    proxy.pebble.start()
    hold.release()
    held.says("does not know our account any more")
    assert "accountDoesNotExist" in held.failed(hold.hits[0].name)["last_error"]["text"]
    # An order that was under way when the account came back fails for the same reason.
    wait_for(lambda: held.ctl("renew", "now", NAME, "b.example.com", "--force").code == 0, "both certificates", 60)
    assert (held.state / "accounts/pebble/key.pem").read_bytes() == key
    assert sum(p == "/sign-me-up" and s == 201 for _, p, s in proxy.requests) == 2


def test_a_deactivated_account_is_told_and_no_new_one_made(held, proxy):
    held.configure({NAME: {}}).start()
    held.deployed(NAME)
    key = (held.state / "accounts/pebble/key.pem").read_bytes()
    Client(proxy.pebble, held.state / "accounts/pebble").deactivate()
    held.configure({NAME: {}, "b.example.com": {}})
    assert held.ctl("reload").code == 0
    status = held.state_is("b.example.com", "failing")
    assert status["last_error"]["class"] == "permanent" and wait_of(status) > 20 * HOUR, status
    assert "deactivated" in held.told("b.example.com")
    ended(held)
    wait_for(lambda: held.journal("b.example.com")["account_ended"] and held.journal("b.example.com")["last_error"], "both to be on disk")
    held.kill()
    held.start()
    ended(held)
    assert "deactivated" in held.renew("b.example.com", code=1).text
    assert (held.state / "accounts/pebble/key.pem").read_bytes() == key
    assert sum(p == "/sign-me-up" and s == 201 for _, p, s in proxy.requests) == 1
    assert held.ctl("status", "--check").code == 1
    assert held.status(NAME)["state"] == "valid"


def ended(acmed):
    """It is told of the CA, of the account, and of the certificate that is valid and will not be renewed."""
    assert "ended by the CA" in acmed.status(NAME)["alarm"], acmed.status(NAME)
    (ca,) = acmed.ctl("status", "--json").json["daemon"]["cas"]
    assert ca["state"] == "failing" and "ended by the CA" in ca["text"], ca
    assert acmed.ctl("status", "--check", NAME).code == 1
    text = " ".join(acmed.ctl("status").out.split())
    assert "CA pebble cannot be used: the account https://" in text and "move accounts/pebble in the state directory" in text, text
    (account,) = acmed.ctl("account", "show", "--json").json["accounts"]
    assert account["state"] == "ended" and "ended by the CA" in account["error"], account


@pytest.mark.parametrize("kind", ["authorization", "challenge", "order", "finalize", "certificate"])
def test_an_account_that_is_deactivated_in_mid_order_is_told_at_once(held, proxy, kind):
    hold = proxy.hold(kind)
    held.configure({NAME: {}}).start()
    hold.wait()
    Client(proxy.pebble, held.state / "accounts/pebble").deactivate()
    hold.release()
    assert "ended by the CA" in held.failed(NAME)["last_error"]["text"]
    ended(held)
    assert proxy.orders(NAME) == 1 and accounts_made(proxy) == 1


def test_the_alarm_ends_with_another_account(held, proxy):
    held.configure({NAME: {}}).start()
    held.deployed(NAME)
    Client(proxy.pebble, held.state / "accounts/pebble").deactivate()
    assert "ended by the CA" in held.renew(NAME, code=1).text
    ended(held)
    for words in (["account", "update"], ["renew", "now", NAME, "--force"]):
        r = held.ctl(*words)
        assert r.code == 1 and "ended by the CA" in r.text, r
    assert held.text().count("acmed-engine: CA pebble: the account") <= 1
    assert accounts_made(proxy) == 1
    (held.state / "accounts/pebble").rename(held.state / "accounts/pebble.gone")
    assert held.ctl("reload").code == 0
    wait_for(lambda: held.status(NAME)["alarm"] is None, "the alarm to end")
    assert held.ctl("status", "--check").code == 0
    held.renew(NAME)
    assert accounts_made(proxy) == 2
    assert held.ctl("account", "show", "--json").json["accounts"][0]["state"] == "registered"


def test_an_order_that_is_not_authorized_is_no_end_of_the_account(held, proxy):
    held.configure({NAME: {}, "b.example.com": {}}).start()
    held.deployed(NAME)
    held.deployed("b.example.com")
    fault = proxy.answer("newOrder", 403, "unauthorized", times=None, name=NAME)
    assert "unauthorized" in held.renew(NAME, code=1).text
    assert fault.hits and held.status(NAME)["alarm"] is None
    assert "unauthorized" in held.ctl("status").out and "unauthorized" in held.told(NAME), "a request that failed is told about"
    assert held.ctl("status", "--check").code == 0, "but nothing is in danger"
    held.renew("b.example.com")
    # Whether it has ended cannot be known when the CA does not say.
    proxy.answer("newAccount", 500, times=None)
    assert held.renew(NAME, code=1) and held.status(NAME)["alarm"] is None


@pytest.mark.parametrize("kind", ["authorization", "finalize", "certificate"])
def test_what_an_order_is_not_authorized_to_is_no_end_of_the_account(held, proxy, kind):
    """The account is asked about, and it is good: nobody else waits."""
    fault = proxy.answer(kind, 403, "unauthorized", name=NAME)
    held.configure({NAME: {}}).start()
    status = held.failed(NAME)
    assert fault.hits and status["last_error"]["class"] == "permanent" and "unauthorized" in status["last_error"]["text"], status
    assert status["alarm"] is None
    (ca,) = held.status()["daemon"]["cas"]
    assert ca["state"] == "ready" and ca["orders_waiting"] == 0, ca
    held.renew(NAME)
    assert accounts_made(proxy) == 1


def accounts_made(proxy):
    return sum(p == "/sign-me-up" and s == 201 for _, p, s in proxy.requests)


def test_one_order_asks_for_all_what_a_person_must_do(held, proxy):
    names = [f"{n}.example.com" for n in "abcd"]
    held.configure({n: {} for n in names}, max_orders=1)
    document = {"type": "urn:ietf:params:acme:error:userActionRequired", "detail": "terms changed", "instance": "https://ca.test/tos/2", "status": 403}
    fault = proxy.answer("newOrder", 403, document, times=None)

    def refused(orders):
        """So many, and acmed has heard of it: what is asked for now comes after that."""
        wait_for(lambda: len(fault.hits) == orders and held.status()["daemon"]["orders_in_flight"] == 0, f"the refusal of order {orders}")

    held.start()
    wait_for(lambda: any(s["last_error"] for s in held.status()["certificates"]), "a refusal")
    (ca,) = held.ctl("status", "--json").json["daemon"]["cas"]
    assert ca["state"] == "failing" and ca["orders_waiting"] == 4 and "https://ca.test/tos/2" in ca["text"], ca
    assert ca["until"] > time.time() + 20 * HOUR
    text = " ".join(held.ctl("status").out.split())
    assert "https://ca.test/tos/2" in text and "run `acmectl account update`" in text, text
    assert held.ctl("account", "update").code == 0
    held.says("the account's contact is sent")
    refused(2)
    assert held.ctl("reload").code == 0
    refused(3)
    proxy.remove(fault)
    assert held.ctl("account", "update").code == 0
    for name in names:
        held.issued(name)
    assert len(fault.hits) == 3


@pytest.mark.parametrize("kind, problem, words", [
    ("newAccount", {"type": "externalAccountRequired", "detail": "bring a binding"}, ["eab_kid", "eab_hmac_file"]),
    ("newAccount", {"type": "userActionRequired", "detail": "terms changed", "instance": "https://ca.test/tos/2"}, ["terms changed", "https://ca.test/tos/2"]),
    ("newOrder", {"type": "userActionRequired", "detail": "terms changed", "instance": "https://ca.test/tos/2"}, ["terms changed", "https://ca.test/tos/2"]),
    ("newAccount", {"type": "invalidContact", "detail": "no such mailbox"}, ["no such mailbox"]),
])
def test_what_only_a_person_can_mend_is_told_and_left_alone(held, proxy, kind, problem, words):
    document = {**problem, "type": "urn:ietf:params:acme:error:" + problem["type"], "status": 403}
    fault = proxy.answer(kind, 403, document, times=None)
    held.configure({NAME: {}}).start()
    status = held.failed(NAME)
    assert status["state"] in ("failing", "waiting") and status["last_error"]["class"] in ("permanent", "configuration"), status
    assert wait_of(status) > 20 * HOUR and len(fault.hits) == 1
    assert all(w in held.told(NAME) for w in words), held.told(NAME)
    assert held.ctl("status", "--check").code == 1
    proxy.remove(fault)
    held.renew(NAME)


def test_a_refusal_survives_a_kill(held, proxy):
    proxy.answer("newOrder", 403, "rejectedIdentifier", times=None, name=NAME)
    held.configure({NAME: {}}).start()
    status = held.failed(NAME)
    wait_for(lambda: held.journal(NAME)["last_error"], "the refusal to be on disk")
    held.kill()
    before = proxy.heard()
    held.start()
    again = held.status(NAME)
    assert again["next_at"] == status["next_at"] and again["last_error"]["text"] == status["last_error"]["text"]
    assert "policy" in held.told(NAME) or "rejectedIdentifier" in held.told(NAME)
    assert len(proxy.requests) == before
