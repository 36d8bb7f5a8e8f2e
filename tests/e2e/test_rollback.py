# SPDX-License-Identifier: MIT
"""An earlier generation made live again."""

import calendar
import json
import re
import shutil

import pytest
from cryptography import x509

from harness.net import wait_served
from harness.pki import DAY, pem, pem_key
from harness.varlink import VarlinkError
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
    for generation, text in ((2, "is live already"), (9, f"no generation 9 of {NAME} on disk: `acmectl show {NAME}`")):
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


def test_show_lists_what_is_on_disk(two):
    def on_disk():
        """Number, live, deployed last, why revoked; newest first. The text says the same."""
        shown = two.ctl("show", NAME)
        assert shown.code == 0 and max(map(len, shown.out.splitlines())) <= 80, shown
        c = json.loads(two.ctl("show", NAME, "--json").out)
        for g in c["generations"]:
            leaf = x509.load_pem_x509_certificate((two.state / "certs" / NAME / str(g["generation"]) / "cert.pem").read_bytes())
            assert g["serial"] in shown.text and int(g["serial"], 16) == leaf.serial_number
            assert [g["not_before"], g["not_after"]] == [
                calendar.timegm(t.timetuple()) for t in (leaf.not_valid_before, leaf.not_valid_after)]
            assert g["error"] is None and (g["revoked"] is None) == (g["revoked_at"] == 0)
            what = "live" if g["live"] else "kept"
            what += (", deployed last" if g["served_last"] else "") + (f", revoked ({g['revoked']})" if g["revoked"] else "")
            assert re.search(rf"^ .* {g['generation']}  {re.escape(what)}$", shown.out, re.M), shown
        assert c["generations_older"] == 0
        return [(g["generation"], g["live"], g["served_last"], g["revoked"]) for g in c["generations"]]

    def will_be(*expected):
        # That it was deployed is on the disk a moment after it is told.
        wait_for(lambda: on_disk() == list(expected), f"{expected} to be shown")

    two.renew(NAME)
    two.deployed(NAME, 3)
    will_be((3, True, True, None), (2, False, False, None), (1, False, False, None))
    assert two.ctl("rollback", NAME, "--generation", "1").code == 0
    will_be((3, False, False, None), (2, False, False, None), (1, True, True, None))
    assert two.ctl("revoke", NAME, "--generation", "2", "--reason", "superseded", "--yes").code == 0
    will_be((3, False, False, None), (2, False, False, "superseded"), (1, True, True, None))
    r = two.ctl("revoke", NAME, "--generation", "9", "--yes")
    assert r.code == 1 and f"no generation 9 of {NAME} on disk: `acmectl show {NAME}`" in r.text, r
    # What is broken in one of them is told there, and keeps nothing else from being shown.
    shutil.rmtree(two.state / "certs" / NAME / "3")
    (two.state / "certs" / NAME / "2" / "cert.pem").write_text("no certificate")
    (two.state / "certs" / NAME / "7").write_text("no directory")
    shown = two.ctl("show", NAME, "--json")
    second, first = json.loads(shown.out)["generations"]
    assert "certs/" in second["error"] and second["serial"] is None and second["generation"] == 2
    assert first["live"] and first["serial"]
    # Status of all does not pay for it, and cannot be made to.
    assert two.status(NAME)["generations"] is None
    with two.varlink() as v:
        with pytest.raises(VarlinkError, match="InvalidParameter"):
            v.call("org.acmed.Control.Status", {"generations": True})


def test_nothing_to_go_back_to(acmed):
    acmed.configure({NAME: {}}).start()
    acmed.deployed(NAME)
    r = acmed.ctl("rollback", NAME)
    assert r.code == 1 and "no generation on disk before" in r.text, r
