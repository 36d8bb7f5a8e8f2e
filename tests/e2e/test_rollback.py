# SPDX-License-Identifier: MIT
"""An earlier generation made live again."""

import shutil

import pytest

from harness.net import wait_served
from harness.pki import DAY, pem, pem_key
from harness.wait import wait_for

NAME = "www.example.com"


@pytest.fixture
def two(acmed):
    acmed.configure({NAME: {}}).start()
    acmed.deployed(NAME)
    acmed.renew(NAME)
    acmed.deployed(NAME, 2)
    return acmed


@pytest.mark.smoke
def test_back_to_what_worked(acmed, make_nginx, pebble):
    nginx = make_nginx(acmed, NAME)
    acmed.configure({NAME: {"hook": nginx.reload_command(), "verify": f"127.0.0.1:{nginx.port}"}}).start()
    first = acmed.issued(NAME)
    acmed.deployed(NAME)
    acmed.renew(NAME)
    acmed.deployed(NAME, 2)
    r = acmed.ctl("rollback", NAME)
    assert r.code == 0 and "generation 1 is live again" in r.text, r
    assert acmed.generation(NAME) == 1
    wait_served(nginx.port, NAME, first)
    events = [e["event"] for e in acmed.ctl("history", NAME, "--json").events]
    assert "rolled-back" in events
    # No restart and no reload undoes it.
    acmed.kill()
    acmed.start()
    assert acmed.ctl("reload").code == 0
    wait_for(lambda: acmed.answers()["daemon"]["orders_in_flight"] == 0, "no order")
    assert acmed.generation(NAME) == 1
    acmed.state_is(NAME, "valid")  # whether its deployment is on disk as done is not known: it may be repeated
    wait_served(nginx.port, NAME, first)
    assert pebble.orders() == 2
    # The next one gets a number of its own.
    acmed.renew(NAME)
    assert acmed.generation(NAME) == 3


def test_forward_again(two):
    assert two.ctl("rollback", NAME).code == 0
    r = two.ctl("rollback", NAME, "--generation", "2")
    assert r.code == 0 and two.generation(NAME) == 2, r
    assert two.deployed(NAME)["deploy"]["generation"] == 2


def test_what_may_not_be_live(two, authority):
    for generation, text in ((2, "is live already"), (9, "9")):
        r = two.ctl("rollback", NAME, "--generation", generation)
        assert r.code == 1 and text in r.text, r
    lineage = two.state / "certs" / NAME

    def plant(number, names, age, lifetime, other_key=False):
        certificate, key = authority.issue(names, age, lifetime)
        if other_key:
            key = authority.issue(names, age, lifetime)[1]
        shutil.copytree(lineage / "1", lineage / number)
        chain = pem(authority.certificate)
        for file, data in (("cert.pem", pem(certificate)), ("fullchain.pem", pem(certificate) + chain), ("chain.pem", chain),
                           ("privkey.pem", pem_key(key))):
            (lineage / number / file).write_bytes(data)

    plant("5", [NAME], 90 * DAY, 60 * DAY)
    plant("6", ["other.example.com"], 1 * DAY, 60 * DAY)
    plant("7", [NAME], 1 * DAY, 60 * DAY, other_key=True)
    for number, text in (("5", "expired"), ("6", "other names"), ("7", "key")):
        r = two.ctl("rollback", NAME, "--generation", number)
        assert r.code == 1 and text in r.text, r
    assert two.generation(NAME) == 2


def test_nothing_to_go_back_to(acmed):
    acmed.configure({NAME: {}}).start()
    acmed.deployed(NAME)
    r = acmed.ctl("rollback", NAME)
    assert r.code == 1 and "no generation on disk before" in r.text, r
