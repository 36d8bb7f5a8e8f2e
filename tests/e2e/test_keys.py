# SPDX-License-Identifier: MIT
"""Keys that are kept, keys of other types, and several of them for one section."""

import json
import os
import pathlib
import shutil
import signal

from cryptography.hazmat.primitives.asymmetric import ec, rsa

import pytest
from conftest import needs_root
from harness.daemon import key_matches
from harness.servers import Nginx
from harness.wait import wait_for

NAME = "keys.example.com"
SECOND = f"{NAME}.rsa-2048"
BOTH = {"key": "ecdsa-p256 rsa-2048"}


def public(acmed, name=NAME, generation=1):
    acmed.deployed(name, generation, 60)
    return acmed.leaf(name).public_key().public_numbers()


def reload(acmed, keys, name=NAME):
    acmed.configure({name: keys})
    r = acmed.ctl("reload")
    assert r.code == 0, r


def two_hours_later(acmed, keys, *lineages):
    """A new start with these keys, with the last issuances further back: two that acmed begins by itself are an hour apart."""
    acmed.stop()
    for lineage in lineages:
        journal = acmed.state / f"state/{lineage}.json"
        content = json.loads(journal.read_text())
        content["issued"] = [t - 7200 for t in content["issued"]]
        journal.write_text(json.dumps(content))
    acmed.configure({NAME: keys}).start()


def test_a_renewal_keeps_the_key(acmed):
    acmed.configure({NAME: {"reuse_key": "yes"}}).start()
    first = public(acmed)
    assert "kept when it is renewed" in acmed.ctl("show", NAME).out
    assert acmed.status(NAME)["reuse_key"] is True
    acmed.renew(NAME)
    assert public(acmed, generation=2) == first
    assert key_matches(acmed.live(NAME).resolve())
    acmed.says("the live key is kept for the new certificate")
    reload(acmed, {})
    acmed.renew(NAME)
    assert public(acmed, generation=3) != first
    assert "kept when" not in acmed.ctl("show", NAME).out


def test_a_kept_key_that_the_ca_refuses_is_replaced(held, proxy):
    """Once refused it is not offered again, not by an acmed that knows nothing of it either."""
    held.configure({NAME: {"reuse_key": "yes"}}).start()
    first = public(held)
    proxy.answer("finalize", 400, "badPublicKey")
    held.renew(NAME, code=1)
    assert "badPublicKey" in held.told(NAME)
    assert public(held) == first, "what is live stays"
    held.kill()
    held.start()
    held.renew(NAME)
    second = public(held, generation=2)
    assert second != first
    held.says("TLSA records and pins of the old one have to be renewed")
    held.renew(NAME)
    assert public(held, generation=3) == second


def test_a_kept_key_that_others_know_is_replaced(acmed):
    acmed.configure({NAME: {"reuse_key": "yes"}}).start()
    first = public(acmed)
    acmed.deployed(NAME)
    r = acmed.ctl("revoke", NAME, "--reason", "key-compromise", "--yes")
    assert r.code == 0, r
    assert public(acmed, generation=2) != first


def test_another_type_of_key_is_a_renewal(acmed, pebble):
    acmed.configure({NAME: {"key": "ecdsa-p256"}}).start()
    acmed.deployed(NAME)
    reload(acmed, {"key": "rsa-2048", "reuse_key": "yes"})
    row = acmed.status(NAME)
    assert "the configured key type is not that of the certificate" in row["reason"], row
    assert 3000 < row["next_at"] - row["last_issued"] <= 3700, row
    two_hours_later(acmed, {"key": "rsa-2048", "reuse_key": "yes"}, NAME)
    assert isinstance(acmed.issued(NAME, 2, 60).public_key(), rsa.RSAPublicKey)
    acmed.says("the configuration asks for rsa-2048")
    row = acmed.deployed(NAME, 2)
    assert row["key_type"] == "rsa-2048" and row["state"] == "valid"
    assert pebble.orders() == 2


def test_from_one_type_of_key_to_two_and_back(acmed, pebble):
    acmed.configure({NAME: {}}).start()
    first = acmed.issued(NAME)
    acmed.deployed(NAME)
    reload(acmed, {"key": "rsa-2048 ecdsa-p256"})
    assert isinstance(acmed.issued(SECOND, seconds=60).public_key(), rsa.RSAPublicKey)
    acmed.deployed(SECOND)
    assert acmed.leaf(NAME) == first, "what is live keeps its place, and is not renewed for that"
    reload(acmed, {})
    row = acmed.status(SECOND)
    assert row["state"] == "unmanaged" and row["key_type"] == "rsa-2048" and acmed.live(SECOND, "privkey.pem").exists()
    assert "unmanaged" in acmed.ctl("status").out and acmed.leaf(NAME) == first
    # The other one alone: the plain lineage changes its type, and the one that was beside it stays as it is.
    two_hours_later(acmed, {"key": "rsa-2048"}, NAME)
    assert isinstance(acmed.issued(NAME, 2, 60).public_key(), rsa.RSAPublicKey)
    acmed.deployed(NAME, 2)
    assert acmed.status(SECOND)["state"] == "unmanaged"
    reload(acmed, {"key": "ecdsa-p256 rsa-2048"})
    assert isinstance(acmed.issued(f"{NAME}.ecdsa-p256").public_key(), ec.EllipticCurvePublicKey)
    acmed.deployed(f"{NAME}.ecdsa-p256")
    assert acmed.generation(NAME) == 2 and acmed.status(SECOND)["state"] == "unmanaged"
    assert pebble.orders() == 4


def test_an_order_in_flight_for_a_lineage_that_goes_away(held, proxy):
    """The lineage is not in the configuration any more: its order ends, and the others go on. Taken up again, it goes on as well."""
    held.configure({NAME: {}}).start()
    held.deployed(NAME)
    hold = proxy.hold("/finalize-order")
    reload(held, {"key": "ecdsa-p256 rsa-2048"})
    hold.wait()
    old = set(held.children().values())
    reload(held, {})
    wait_for(lambda: len(new := set(held.children().values())) == 2 and not new & old, "the old pair to be gone")
    hold.release()
    held.renew(NAME)
    assert held.generation(NAME) == 2 and held.generation(SECOND) == 0
    assert not [c for c in held.status()["certificates"] if c["last_error"]]
    orders = proxy.pebble.orders()
    reload(held, {"key": "ecdsa-p256 rsa-2048"})
    held.deployed(SECOND, seconds=60)
    assert proxy.pebble.orders() == orders, "its order was still there"


# -- commands about a section with several lineages ---------------------------------------------------------------


def test_a_section_is_deployed_told_and_shown_as_a_whole(acmed, script, out):
    hook = script("hook", f'echo "$ACMED_DIR" >>{out}/runs\n')
    acmed.configure({NAME: {**BOTH, "hook": hook}}).start()
    acmed.deployed(NAME), acmed.deployed(SECOND, seconds=60)
    (out / "runs").unlink()
    r = acmed.ctl("deploy", NAME)
    assert r.code == 0 and NAME in r.out and SECOND in r.out, r
    assert len((out / "runs").read_text().split()) == 2
    assert acmed.ctl("deploy", f"{NAME}.ecdsa-p256").code == 0
    assert len((out / "runs").read_text().split()) == 3
    told = {e["name"] for e in acmed.ctl("history", NAME, "--json").events}
    assert told == {NAME, SECOND}
    assert {e["name"] for e in acmed.ctl("history", SECOND, "--json").events} == {SECOND}
    assert {e["name"] for e in acmed.ctl("history", f"{NAME}.ecdsa-p256", "--json").events} == {NAME}
    shown = acmed.ctl("show", NAME).out
    assert "ecdsa-p256" in shown and "rsa-2048" in shown
    assert "rsa-2048" not in acmed.ctl("show", f"{NAME}.ecdsa-p256").out
    with acmed.varlink() as v:
        v.send("org.acmed.Control.History", {"name": NAME, "follow": True}, more=True)
        assert len(v.receive()["parameters"]["events"]) == len(acmed.ctl("history", NAME, "--json").events)
        acmed.ctl("deploy", SECOND)
        assert v.receive()["parameters"]["events"][0]["name"] == SECOND
    assert acmed.ctl("deploy", f"{NAME}.rsa-4096").code != 0


def test_what_is_done_to_one_lineage_wants_it_named(acmed):
    acmed.configure({NAME: BOTH}).start()
    acmed.deployed(NAME), acmed.deployed(SECOND, seconds=60)
    for words in (("revoke", NAME), ("revoke", NAME, "--yes"), ("rollback", NAME)):
        r = acmed.ctl(*words)
        assert r.code != 0 and f"say which one: {NAME}.ecdsa-p256 or {SECOND}" in " ".join(r.text.split()), r
        assert "cannot be taken back" not in r.text, "there is nothing to ask yet"
    assert acmed.generation(NAME) == acmed.generation(SECOND) == 1
    r = acmed.ctl("revoke", f"{NAME}.ecdsa-p256", "--reason", "superseded", "--yes")
    assert r.code == 0 and f"Generation 1 of {NAME} is revoked" in r.out, r
    acmed.deployed(NAME, 2)
    assert acmed.generation(SECOND) == 1
    r = acmed.ctl("rollback", SECOND)
    assert r.code != 0 and "say which one" not in r.text, r  # there is nothing to go back to


@needs_root
def test_lineages_of_one_section_are_reloaded_together(pebble, make_acmed, place):
    log, fake = place / "asked", place / "systemctl"
    fake.write_text(f'#!/bin/sh\necho "$*" >>{log}\n[ "$1" = show ] && printf "LoadState=loaded\\nActiveState=active\\n"\nexit 0\n')
    fake.chmod(0o755)
    enter = f'mount --bind {fake} /usr/bin/systemctl && exec "$@"'
    acmed = make_acmed(pebble, wrapper=["unshare", "-m", "--propagation", "private", "sh", "-c", enter, "sh"])
    acmed.configure({NAME: {**BOTH, "reload": "nginx"}}).start()
    acmed.deployed(NAME, seconds=60), acmed.deployed(SECOND, seconds=60)
    reloads = [line for line in log.read_text().splitlines() if "reload" in line]
    assert len(reloads) == 1 and "nginx.service" in reloads[0], reloads


# -- what a server with several certificates presents -------------------------------------------------------------


@pytest.fixture
def dual_nginx(place, acmed, ending):
    """nginx with the live certificates of both types; rsa: another directory for that, or None."""
    def make(name=NAME, tls="", rsa="live"):
        if rsa == "live":
            rsa = acmed.live(f"{name}.rsa-2048")
        if rsa:
            tls += f" ssl_certificate {rsa}/fullchain.pem; ssl_certificate_key {rsa}/privkey.pem;"
        ec = acmed.live(name)
        nginx = Nginx(place / f"nginx-{name}", ec / "fullchain.pem", ec / "privkey.pem", name, tls=tls)
        ending(nginx.stop)
        return nginx
    return make


def issued_both(acmed, *names):
    acmed.configure({n: BOTH for n in names}).start()
    for n in names:
        acmed.deployed(n), acmed.deployed(f"{n}.rsa-2048", seconds=60)


def one_after_the_other(acmed):
    """A server that is told to reload while it does so may not hear it; a service manager would see to that."""
    for lineage in (f"{NAME}.ecdsa-p256", SECOND):
        acmed.renew(lineage)


def test_each_certificate_of_nginx_is_verified(acmed, dual_nginx):
    issued_both(acmed, NAME)
    nginx = dual_nginx()
    reload(acmed, {**BOTH, "hook": nginx.reload_command(), "verify": f"127.0.0.1:{nginx.port}"})
    one_after_the_other(acmed)
    for lineage in (NAME, SECOND):
        row = acmed.deployed(lineage, 2)
        assert row["deploy"]["served_at"] > 0 and row["deploy"]["note"] is None, row


def test_without_tls_1_2_they_cannot_be_told_apart(acmed, dual_nginx):
    issued_both(acmed, NAME)
    nginx = dual_nginx(tls="ssl_protocols TLSv1.3;")
    reload(acmed, {**BOTH, "hook": nginx.reload_command(), "verify": f"127.0.0.1:{nginx.port}"})
    acmed.renew(NAME)
    assert acmed.deployed(NAME, 2)["deploy"]["served_at"] > 0
    row = acmed.deployed(SECOND, 2)
    assert row["deploy"]["served_at"] == 0 and "no TLS 1.2 is spoken there" in row["deploy"]["note"], row
    assert f"presents the certificate of {NAME}" in acmed.told(SECOND) and row["state"] == "valid"


@pytest.mark.slow
def test_one_certificate_of_two_is_not_the_new_one(acmed, dual_nginx, place):
    """One server goes on with an old RSA certificate, the other has none; the ECDSA ones are well."""
    other = "only.example.com"
    issued_both(acmed, NAME, other)
    shutil.copytree(acmed.live(SECOND), place / "old")
    stale, single = dual_nginx(rsa=place / "old"), dual_nginx(other, rsa=None)
    acmed.configure({n: {**BOTH, "hook": s.reload_command(), "verify": f"127.0.0.1:{s.port}"} for n, s in ((NAME, stale), (other, single))})
    assert acmed.ctl("reload").code == 0
    assert acmed.ctl("renew", "now", NAME, other, "--force", "--no-wait").code == 0
    for lineage in (NAME, other):
        assert acmed.deployed(lineage, 2)["deploy"]["served_at"] > 0
    for lineage, words in ((SECOND, "still serves another certificate"), (f"{other}.rsa-2048", "has no certificate with an RSA key")):
        row = wait_for(lambda lineage=lineage: (s := acmed.status(lineage))["deploy"]["last_error"] and s, "the failure to be told", 100)
        assert words in row["deploy"]["last_error"]["text"] and row["state"] == "deploying", row


def test_each_certificate_of_haproxy_is_verified(acmed, make_haproxy, place):
    """Its bundles: site.pem.ecdsa and site.pem.rsa."""
    (place / "copies").mkdir()
    keys = {**BOTH, "copy": f"haproxy:{place}/copies/{{key}}.pem"}
    acmed.configure({NAME: keys}).start()
    acmed.deployed(NAME), acmed.deployed(SECOND, seconds=60)
    for suffix, key_type in (("ecdsa", "ecdsa-p256"), ("rsa", "rsa-2048")):
        (place / f"copies/site.pem.{suffix}").symlink_to(f"{key_type}.pem")
    haproxy = make_haproxy(place / "copies/site.pem")
    reload(acmed, {**keys, "hook": haproxy.reload_command(), "verify": f"127.0.0.1:{haproxy.port}"})
    one_after_the_other(acmed)
    for lineage in (NAME, SECOND):
        row = acmed.deployed(lineage, 2)
        assert row["deploy"]["served_at"] > 0 and row["deploy"]["note"] is None, row


# -- slow keys ----------------------------------------------------------------------------------------------------


def test_slow_keys_delay_no_other_certificate(acmed):
    """Those who make RSA keys are stopped as soon as there are as many as there may be: what is done meanwhile did not wait for them."""
    slow = [f"{i:02}.example.com" for i in range(20)]
    acmed.configure({**{n: {"key": "rsa-4096"} for n in slow}, "z.example.com": {}}).start()
    keeper = acmed.children()["acmed-keeper"]

    def stopped():
        pids = [int(p) for p in pathlib.Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        states = [pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] for pid in pids]
        return states == ["T"] * 4 and pids

    pids = wait_for(stopped, "four keys to be made at a time")
    acmed.issued("z.example.com")
    row = acmed.deployed("z.example.com")
    assert row["state"] == "valid"
    waiting = [n for n in slow if not acmed.generation(n)]
    assert len(waiting) > 8, "more orders than have a place at a time were ahead"
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    wait_for(lambda: [n for n in waiting if acmed.generation(n)], "one of the slow ones", 60)
