# SPDX-License-Identifier: MIT
"""Revocation: what the CA says of it afterwards is what counts."""

import calendar
import json
import os
import pty
import re
import ssl
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from harness.faults import Cut
from harness.varlink import VarlinkError
from harness.wait import wait_for

NAME = "www.example.com"


def status_at_ca(pebble, leaf):
    """"Valid" or "Revoked", with the reason."""
    context = ssl.create_default_context(cafile=str(pebble.ca_file))
    context.check_hostname = False
    url = f"https://127.0.0.1:{pebble.management}/cert-status-by-serial/{leaf.serial_number:x}"
    with urllib.request.urlopen(url, context=context) as r:
        reply = json.load(r)
    return reply["Status"], reply.get("Reason")


def on_disk(acmed, generation, file="cert.pem", name=NAME):
    return (acmed.state / "certs" / name / str(generation) / file).read_bytes()


def leaf(acmed, generation):
    return x509.load_pem_x509_certificate(on_disk(acmed, generation))


def public(acmed, generation):
    key = serialization.load_pem_private_key(on_disk(acmed, generation, "privkey.pem"), None)
    return key.public_key().public_numbers()


def history(acmed):
    return [e["event"] for e in acmed.ctl("history", NAME, "--json").events]


@pytest.fixture
def issued(acmed):
    acmed.configure({NAME: {}}).start()
    acmed.deployed(NAME)
    return acmed


@pytest.mark.smoke
def test_the_live_certificate_is_revoked_and_replaced(issued, pebble):
    old = leaf(issued, 1)
    r = issued.ctl("revoke", NAME, "--reason", "superseded", "--yes")
    assert r.code == 0 and "is revoked (superseded, by the account's key)" in r.text, r
    assert "a new certificate is ordered at once" in r.text
    assert status_at_ca(pebble, old) == ("Revoked", 4)
    new = issued.issued(NAME, 2)
    assert status_at_ca(pebble, new)[0] == "Valid"
    assert public(issued, 1) != public(issued, 2)
    issued.deployed(NAME, 2)
    assert "revoked" in history(issued)
    assert pebble.orders() == 2


def test_a_generation_that_is_not_live(issued, pebble):
    issued.renew(NAME)
    r = issued.ctl("revoke", NAME, "--generation", "1", "--reason", "cessation-of-operation", "--yes")
    assert r.code == 0 and "the live generation stays" in r.text, r
    assert status_at_ca(pebble, leaf(issued, 1)) == ("Revoked", 5)
    assert status_at_ca(pebble, leaf(issued, 2))[0] == "Valid"
    r = issued.ctl("revoke", NAME, "--generation", "1", "--yes")
    assert r.code == 0 and "was revoked already" in r.text, r
    assert issued.generation(NAME) == 2 and pebble.orders() == 2
    r = issued.ctl("rollback", NAME)
    assert r.code == 1 and "it was revoked" in r.text, r


@pytest.mark.parametrize("reason,number", [("unspecified", 0), ("affiliation-changed", 3), ("privilege-withdrawn", 9)])
def test_reasons(issued, pebble, reason, number):
    old = leaf(issued, 1)
    assert issued.ctl("revoke", NAME, "--reason", reason, "--yes").code == 0
    state, said = status_at_ca(pebble, old)
    assert state == "Revoked" and (said or 0) == number


def test_a_compromised_key_is_never_used_again(issued, pebble):
    old = leaf(issued, 1)
    r = issued.ctl("revoke", NAME, "--reason", "key-compromise", "--yes")
    assert r.code == 0 and "by the certificate's own key" in r.text and "new key" in r.text, r
    assert status_at_ca(pebble, old) == ("Revoked", 1)
    issued.issued(NAME, 2)
    assert public(issued, 1) != public(issued, 2)
    issued.deployed(NAME, 2)
    for words in (["rollback", NAME], ["rollback", NAME, "--generation", "1"]):
        r = issued.ctl(*words)
        assert r.code == 1 and "key-compromise" in r.text, r
    assert issued.generation(NAME) == 2
    noted = json.loads((issued.state / "certs" / NAME / "revoked.json").read_text())
    assert [g["generation"] for g in noted["generations"]] == [1] and len(noted["keys"]) == 1


@pytest.mark.parametrize("killed", [False, True], ids=["left-alone", "killed"])
def test_a_compromised_key_is_replaced_whatever_the_ca_says(held, proxy, pebble, killed):
    """The key is given up when it is said to be; also where acmed is killed right then."""
    held.configure({NAME: {}}).start()
    held.deployed(NAME)
    proxy.answer("/revoke-cert", 500, times=100)
    r = held.ctl("revoke", NAME, "--reason", "key-compromise", "--yes")
    assert r.code == 1 and "given up all the same" in r.text, r
    if killed:
        held.kill()
        held.start()
    else:  # history need not survive a kill
        assert "revoke-failed" in history(held)
    held.issued(NAME, 2)
    assert public(held, 1) != public(held, 2)
    assert status_at_ca(pebble, leaf(held, 1))[0] == "Valid"


@pytest.fixture
def over_proxy(make_acmed, make_pebble, make_proxy):
    """A certificate of a CA that refuses no nonces: what is cut is the answer to the revocation itself."""
    proxy = make_proxy(make_pebble(env={"PEBBLE_WFE_NONCEREJECT": "0"}))
    acmed = make_acmed(proxy)
    acmed.configure({NAME: {}}).start()
    acmed.deployed(NAME)
    return acmed, proxy


@pytest.mark.parametrize("reason", ["superseded", "key-compromise"])
@pytest.mark.parametrize("at", [0, 40, -1])
def test_the_answer_is_lost(over_proxy, at, reason):
    """The CA has revoked it: asked again it says so, and the live certificate is replaced."""
    acmed, proxy = over_proxy
    old = leaf(acmed, 1)
    cut = proxy.add(Cut("revokeCert", at))
    r = acmed.ctl("revoke", NAME, "--reason", reason, "--yes")
    assert r.code == 0, r
    assert len(cut.hits) == 1 and status_at_ca(proxy.pebble, old)[0] == "Revoked"
    assert status_at_ca(proxy.pebble, acmed.issued(NAME, 2))[0] == "Valid"
    assert public(acmed, 1) != public(acmed, 2)
    acmed.deployed(NAME, 2)
    assert "revoked" in history(acmed) and "revoke-failed" not in history(acmed)


def test_no_answer_at_all_is_told_and_made_up_for(over_proxy):
    acmed, proxy = over_proxy
    cut = proxy.add(Cut("revokeCert", 40, times=None))
    r = acmed.ctl("revoke", NAME, "--reason", "superseded", "--yes")
    assert r.code == 1 and "may or may not be revoked" in r.text and "repeat the command" in r.text, r
    assert len([q for q in cut.hits if q.method == "POST"]) == 2, "repeated once"
    assert acmed.generation(NAME) == 1 and "revoke-failed" in history(acmed)
    proxy.remove(cut)
    r = acmed.ctl("revoke", NAME, "--reason", "superseded", "--yes")
    assert r.code == 0 and "was revoked already" in r.text, r
    acmed.issued(NAME, 2)


def test_what_could_not_be_sent_is_told_as_not_revoked(over_proxy):
    acmed, proxy = over_proxy
    acmed.stop()  # it forgets the nonces it has
    acmed.start()
    fault = proxy.answer("newNonce", 500, times=None)
    r = acmed.ctl("revoke", NAME, "--yes")
    assert r.code == 1 and f"generation 1 of {NAME} is not revoked" in " ".join(r.text.split()), r
    assert "HTTP 500" in r.text and "may or may not" not in acmed.text() + r.text, r
    assert fault.hits and status_at_ca(proxy.pebble, leaf(acmed, 1))[0] == "Valid"
    proxy.stop()
    r = acmed.ctl("revoke", NAME, "--yes")
    assert r.code == 1 and f"generation 1 of {NAME} is not revoked" in " ".join(r.text.split()), r
    assert acmed.generation(NAME) == 1


def test_what_was_sent_before_is_not_forgotten(over_proxy):
    """The first request got no answer, the second one could not be sent."""
    acmed, proxy = over_proxy
    acmed.stop()
    acmed.start()
    cut = proxy.add(Cut("revokeCert", 40, times=None))
    fault = proxy.answer("newNonce", 500, times=None, skip=1)
    r = acmed.ctl("revoke", NAME, "--yes")
    assert r.code == 1 and "may or may not be revoked" in " ".join(r.text.split()), r
    assert len(cut.hits) == 1 and fault.hits
    assert status_at_ca(proxy.pebble, leaf(acmed, 1))[0] == "Revoked"


def test_nonces_that_are_refused(over_proxy):
    acmed, proxy = over_proxy
    old = leaf(acmed, 1)
    refused = proxy.answer("revokeCert", 400, "badNonce", times=3)
    r = acmed.ctl("revoke", NAME, "--yes")
    assert r.code == 0 and "by the account's key" in r.text, r
    assert len(refused.hits) == 3 and status_at_ca(proxy.pebble, old)[0] == "Revoked"
    acmed.issued(NAME, 2)


@pytest.mark.parametrize("status, problem", [(429, "rateLimited"), (503, None)])
def test_when_it_may_be_tried_again_is_told(over_proxy, status, problem):
    acmed, proxy = over_proxy
    refused = proxy.answer("revokeCert", status, problem, {"Retry-After": "3600"})
    began = int(time.time())
    r = acmed.ctl("revoke", NAME, "--yes")
    assert r.code == 1 and f"HTTP {status}" in r.text and f"generation 1 of {NAME} is not revoked" in " ".join(r.text.split()), r
    told = re.search(r"not before (\d{4}-\d\d-\d\d \d\d:\d\d) UTC", " ".join(r.text.split()))
    assert told, r
    assert began + 3600 <= calendar.timegm(time.strptime(told[1], "%Y-%m-%d %H:%M")) <= time.time() + 3600 + 60
    assert len(refused.hits) == 1 and acmed.generation(NAME) == 1
    assert status_at_ca(proxy.pebble, leaf(acmed, 1))[0] == "Valid"


def test_an_account_that_is_gone_leaves_the_certificates_key(issued, make_pebble, pebble):
    """The certificate's own key vouches where the account's is not believed."""
    fetched = (issued.state / "accounts/pebble/account.json")
    record = json.loads(fetched.read_text())
    issued.stop()
    record["url"] = re.sub(r"[^/]+$", "4711", record["url"])
    fetched.write_text(json.dumps(record))
    issued.start()
    old = leaf(issued, 1)
    r = issued.ctl("revoke", NAME, "--reason", "superseded", "--yes")
    assert r.code == 0 and "by the certificate's own key" in r.text, r
    assert status_at_ca(pebble, old)[0] == "Revoked"


@pytest.fixture
def moved(acmed, pebble, make_pebble, make_proxy):
    """Generation 1 is of a CA that is second choice now, generation 2 of the first."""
    first = make_pebble(directory="first")

    def configure(cas):
        raw = acmed.section("ca first", {"directory": first.directory_url, "ca_file": first.ca_file})
        return acmed.configure({NAME: {"ca": cas}}, raw=raw)

    configure("pebble").start()
    acmed.deployed(NAME)
    configure("first pebble")
    assert acmed.ctl("reload").code == 0
    acmed.renew(NAME)
    assert first.orders() == 1 and pebble.orders() == 1
    return acmed, first, configure


def test_the_ca_that_issued_it_is_asked(moved, pebble):
    acmed, first, configure = moved
    old, new = leaf(acmed, 1), leaf(acmed, 2)
    r = acmed.ctl("revoke", NAME, "--generation", "1", "--reason", "superseded", "--yes")
    assert r.code == 0 and "by the account's key" in r.text, r
    assert status_at_ca(pebble, old) == ("Revoked", 4)
    assert status_at_ca(first, new)[0] == "Valid"
    configure("pebble")
    assert acmed.ctl("reload").code == 0
    r = acmed.ctl("revoke", NAME, "--generation", "2", "--yes")
    assert r.code == 1 and f"it was issued by the CA at {first.directory_url}" in r.text and "add that to `ca`" in r.text, r
    assert status_at_ca(first, new)[0] == "Valid"


def test_each_ca_is_asked_where_nobody_knows_who_issued_it(moved, pebble):
    acmed, first, _ = moved
    old = leaf(acmed, 1)
    acmed.stop()
    (acmed.state / "state" / f"{NAME}.json").unlink()
    acmed.start()
    r = acmed.ctl("revoke", NAME, "--generation", "1", "--reason", "superseded", "--yes")
    assert r.code == 0 and "by the certificate's own key" in r.text, r
    assert status_at_ca(pebble, old) == ("Revoked", 4)
    first.stop()
    r = acmed.ctl("revoke", NAME, "--generation", "2", "--yes")
    assert r.code == 1 and "which CA issued it is not known" in r.text and "CA first" in r.text and "CA pebble" in r.text, r


def test_what_is_wrong_is_told(issued):
    r = issued.ctl("revoke", NAME)
    assert r.code == 2 and "--yes" in r.text, r
    r = issued.ctl("revoke", NAME, "--reason", "boredom", "--yes")
    assert r.code == 2 and "key-compromise" in r.text, r
    r = issued.ctl("revoke", NAME, "--generation", "7", "--yes")
    assert r.code == 1 and "7" in r.text, r
    r = issued.ctl("revoke", NAME, "--generation", "0", "--yes")
    assert r.code == 2, r
    r = issued.ctl("revoke", "nowhere.example.com", "--yes")
    assert r.code == 2 and "nowhere.example.com" in r.text, r
    assert issued.generation(NAME) == 1


def test_a_person_is_asked(issued, pebble):
    def answer(text):
        ours, theirs = pty.openpty()
        p = subprocess.Popen([issued.prefix / "bin/acmectl", "revoke", NAME, "--socket", issued.socket], stdin=theirs,
                             stdout=theirs, stderr=theirs)
        os.close(theirs)
        seen = b""
        while b"[y/N]" not in seen:
            seen += os.read(ours, 4096)
        os.write(ours, text)
        try:
            while data := os.read(ours, 4096):
                seen += data
        except OSError:
            pass
        os.close(ours)
        return p.wait(), seen.decode()

    code, text = answer(b"n\n")
    assert code == 1 and "nothing was done" in text and "cannot be taken back" in text
    assert status_at_ca(pebble, leaf(issued, 1))[0] == "Valid"
    code, text = answer(b"y\n")
    assert code == 0, text
    assert status_at_ca(pebble, leaf(issued, 1))[0] == "Revoked"


def test_strangers_may_not(issued, pebble):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    for command in (["revoke", NAME, "--yes"], ["rollback", NAME]):
        r = issued.ctl(*command, user=65533)
        assert r.code == 4, r
    assert status_at_ca(pebble, leaf(issued, 1))[0] == "Valid"


def test_a_call_behind_another_is_refused(issued, pebble):
    """The supervisor sees a call only as long as nobody has read it: one connection of its own, one piece."""
    with issued.varlink() as v:
        v.send("org.acmed.Control.Status")
        v.send("org.acmed.Control.Revoke", {"name": NAME})
        v.receive()
        v.receive()
    assert status_at_ca(pebble, leaf(issued, 1))[0] == "Revoked"
    with issued.varlink() as v:
        text = json.dumps({"method": "org.acmed.Control.Revoke", "parameters": {"name": NAME}}).encode() + b"\0"
        v.socket.sendall(text[:20])
        wait_for(lambda: issued.answers(), "acmed to have read the first piece")
        v.socket.sendall(text[20:])
        with pytest.raises(VarlinkError, match="Refused"):
            v.receive()


def test_one_act_at_a_time(held, proxy):
    """Two calls for one certificate that come together: the second is told so, whatever it asks for."""
    held.configure({NAME: {}}).start()
    held.deployed(NAME)
    for second, parameters in (("Revoke", {"generation": 1}), ("Rollback", {})):
        hold = proxy.hold("/revoke-cert")
        with held.varlink() as a, held.varlink() as b:
            a.send("org.acmed.Control.Revoke", {"name": NAME, "generation": 1})
            hold.wait()
            with pytest.raises(VarlinkError, match="under way already"):
                b.call(f"org.acmed.Control.{second}", {"name": NAME, **parameters})
            hold.release()
            assert a.receive()["parameters"]["generation"] == 1
    hold = proxy.hold("/revoke-cert")
    with held.varlink() as a:  # one that left before its answer holds up nobody
        a.send("org.acmed.Control.Revoke", {"name": NAME, "generation": 1})
        hold.wait()
    hold.release()
    wait_for(lambda: held.ctl("revoke", NAME, "--generation", "1", "--yes").code == 0, "the next to be heard")
