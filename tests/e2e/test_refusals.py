# SPDX-License-Identifier: MIT
"""FAULTS 11 and 12: accounts that are lost, deactivated or not welcome, and what only a person can mend."""

import pytest

from harness.acme import Client
from harness.daemon import wait_of

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
    held.renew(NAME, "b.example.com")
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
    held.kill()
    held.start()
    assert "deactivated" in held.renew("b.example.com", code=1).text
    assert (held.state / "accounts/pebble/key.pem").read_bytes() == key
    assert sum(p == "/sign-me-up" and s == 201 for _, p, s in proxy.requests) == 1
    assert held.ctl("status", "--check").code == 1
    assert held.status(NAME)["state"] == "valid"


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
    held.kill()
    before = len(proxy.requests)
    held.start()
    again = held.status(NAME)
    assert again["next_at"] == status["next_at"] and again["last_error"]["text"] == status["last_error"]["text"]
    assert "policy" in held.told(NAME) or "rejectedIdentifier" in held.told(NAME)
    assert len(proxy.requests) == before
