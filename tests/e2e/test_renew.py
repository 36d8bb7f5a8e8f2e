# SPDX-License-Identifier: MIT
"""Renewal: asked for, by lifetime, by a changed configuration; and none where none is due."""

import datetime
import json
import shutil

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from harness.net import names_of, wait_served
from harness.pki import DAY, pem, pem_key
from harness.wait import wait_for

NAME = "www.example.com"


def plant(acmed, authority, names, age, lifetime, key=None):
    """A generation on disk, as it stands after moving a state directory here without its journal."""
    certificate, key = authority.issue(names, age, lifetime, key)
    d = acmed.state / "certs" / names[0] / "1"
    d.mkdir(parents=True)
    chain = pem(authority.certificate)
    (d / "privkey.pem").write_bytes(pem_key(key))
    (d / "cert.pem").write_bytes(pem(certificate))
    (d / "chain.pem").write_bytes(chain)
    (d / "fullchain.pem").write_bytes(pem(certificate) + chain)
    (d / "haproxy.pem").write_bytes(pem(certificate) + chain + pem_key(key))
    (d / "privkey.pem").chmod(0o600)
    (d / "haproxy.pem").chmod(0o600)
    live = acmed.state / "live"
    live.mkdir(exist_ok=True)
    (live / names[0]).symlink_to(f"../certs/{names[0]}/1")
    return certificate


@pytest.mark.smoke
def test_renew_now_and_the_web_server_shows_it(acmed, pebble, make_nginx, place):
    nginx = make_nginx(acmed, NAME)
    acmed.configure({NAME: {"hook": nginx.reload_command(), "verify": f"127.0.0.1:{nginx.port}"}}).start()
    first = acmed.issued(NAME)
    status = acmed.deployed(NAME)
    wait_served(nginx.port, NAME, first)
    assert status["deploy"]["served_at"] > 0
    r = acmed.renew(NAME)
    assert NAME in r.out
    second = acmed.leaf(NAME)
    assert second.serial_number != first.serial_number
    acmed.deployed(NAME, 2)
    wait_served(nginx.port, NAME, second)
    assert pebble.orders() == 2
    events = [e["event"] for e in acmed.ctl("history", NAME, "--json").events]
    assert events.count("issued") == 2 and "verified" in events


def test_no_wait_answers_when_the_request_is_on_disk(held, proxy):
    held.configure({NAME: {}}).start()
    held.deployed(NAME)
    journal = held.state / "state" / f"{NAME}.json"
    hold = proxy.hold("/order-plz")
    r = held.ctl("renew", "now", NAME, "--force", "--no-wait")
    assert r.code == 0, r
    asked = journal.read_text()
    held.kill()
    hold.release()
    assert json.loads(asked)["requested"] is True
    held.start()
    held.issued(NAME, 2)


def test_no_wait_says_when_the_request_could_not_be_written(acmed):
    acmed.configure({NAME: {}}).start()
    acmed.deployed(NAME)
    state = acmed.state / "state"
    state.chmod(0o500)
    r = acmed.ctl("renew", "now", NAME, "--force", "--no-wait")
    state.chmod(0o700)
    assert r.code == 1 and "could not be written" in r.text, r


def test_renew_without_now_joins_and_waits(acmed, pebble):
    acmed.configure({NAME: {}}).start()
    acmed.deployed(NAME)
    assert acmed.ctl("renew", NAME).code == 0
    assert acmed.generation(NAME) == 2
    r = acmed.ctl("renew", "now", NAME)
    assert r.code == 1 and acmed.generation(NAME) == 2, r
    assert "force" in r.text and "7 days" in r.text
    acmed.renew(NAME)
    assert acmed.generation(NAME) == 3


def test_renew_now_without_names_leaves_out_what_is_fresh(acmed, authority, pebble):
    plant(acmed, authority, ["old.example.com"], 20 * DAY, 90 * DAY)
    acmed.configure({"old.example.com": {}, NAME: {}}).start()
    acmed.deployed(NAME)
    r = acmed.ctl("renew", "now")
    assert r.code == 0, r
    assert acmed.generation("old.example.com") == 2
    assert acmed.generation(NAME) == 1
    assert NAME in r.text and "24 hours" in r.text


def test_renew_now_of_an_unknown_name(acmed):
    acmed.configure({NAME: {}}).start()
    acmed.issued(NAME)
    r = acmed.ctl("renew", "now", "nowhere.example.com")
    assert r.code in (1, 2) and "nowhere.example.com" in r.text and NAME in r.text, r


def test_lifetime_decides(acmed, authority, pebble):
    """Six-day certificates renew at half of their life; what is younger stays."""
    plant(acmed, authority, ["due.example.com"], 4 * DAY, 6 * DAY)
    acmed.configure({"due.example.com": {}}).start()
    leaf = acmed.issued("due.example.com", 2)
    assert leaf.issuer.rfc4514_string() != authority.name.rfc4514_string()
    assert pebble.orders() == 1


def test_what_is_not_due_is_left_alone(acmed, authority, pebble):
    plant(acmed, authority, ["young.example.com"], 2 * DAY, 6 * DAY)
    acmed.configure({"young.example.com": {}, "other.example.com": {}}).start()
    acmed.issued("other.example.com")
    status = acmed.status("young.example.com")
    assert status["state"] == "valid" and status["generation"] == 1
    half = datetime.datetime.utcnow().timestamp() + DAY.total_seconds()
    assert abs(status["renew_at"] - half) < DAY.total_seconds()
    assert pebble.orders() == 1


def test_an_expired_certificate_is_renewed(acmed, authority):
    plant(acmed, authority, [NAME], 90 * DAY, 60 * DAY)
    acmed.configure({NAME: {}}).start()
    acmed.issued(NAME, 2)


def test_renew_before_longer_than_the_lifetime_is_capped(acmed, authority, pebble):
    plant(acmed, authority, [NAME], 1 * DAY, 6 * DAY)
    acmed.configure({NAME: {"renew_before": "30d"}, "other.example.com": {}}).start()
    acmed.issued("other.example.com")
    assert acmed.generation(NAME) == 1
    assert acmed.status(NAME)["renew_at"] > datetime.datetime.utcnow().timestamp() + DAY.total_seconds()


def test_certificates_on_disk_are_taken_over(acmed, pebble):
    acmed.configure({NAME: {}, "b.example.com": {}}).start()
    acmed.deployed(NAME)
    acmed.deployed("b.example.com")
    leaf = acmed.leaf(NAME)
    acmed.stop()
    shutil.rmtree(acmed.state / "state")
    acmed.configure({NAME: {}, "b.example.com": {}, "c.example.com": {}}).start()
    acmed.issued("c.example.com")
    assert acmed.leaf(NAME).serial_number == leaf.serial_number
    assert acmed.status(NAME)["state"] == "valid"
    assert pebble.orders() == 3


def test_another_set_of_names_renews(acmed, authority, pebble):
    plant(acmed, authority, [NAME], 2 * DAY, 90 * DAY)
    acmed.configure({NAME: {}}).start()
    acmed.state_is(NAME, "valid")
    acmed.configure({NAME: {"domains": f"{NAME} more.example.com"}})
    assert acmed.ctl("reload").code == 0
    assert names_of(acmed.issued(NAME, 2)) == ["more.example.com", NAME]
    assert pebble.orders() == 1


def test_a_change_right_after_an_issuance_waits_an_hour(acmed, pebble):
    """Two issuances that nobody asked for are never less than an hour apart; status says what will happen and why."""
    acmed.configure({NAME: {}}).start()
    acmed.deployed(NAME)
    acmed.configure({NAME: {"domains": f"{NAME} more.example.com"}})
    assert acmed.ctl("reload").code == 0
    status = wait_for(lambda: (s := acmed.status(NAME))["domains"] == [NAME, "more.example.com"] and s, "the new names")
    assert 3000 < status["next_at"] - status["last_issued"] <= 3700
    assert "name" in status["reason"]
    acmed.renew(NAME)
    assert names_of(acmed.leaf(NAME)) == ["more.example.com", NAME]
    assert pebble.orders() == 2


def test_another_key_type_renews(acmed, authority):
    plant(acmed, authority, [NAME], 2 * DAY, 90 * DAY)
    acmed.configure({NAME: {"key": "ecdsa-p384"}}).start()
    assert acmed.issued(NAME, 2).public_key().curve.name == ec.SECP384R1.name


def test_old_generations_are_kept_as_configured(acmed):
    acmed.configure({NAME: {"keep": "1"}}).start()
    acmed.deployed(NAME)
    for n in (2, 3, 4):
        acmed.renew(NAME)
        acmed.deployed(NAME, n)
    # Whatever `keep` says, what is younger than 7 days stays.
    kept = {d.name for d in (acmed.state / "certs" / NAME).iterdir() if d.name.isdigit()}
    assert kept == {"1", "2", "3", "4"}


def test_short_lived_certificates_of_the_ca(make_acmed, make_pebble):
    pebble = make_pebble(validity=160 * 3600)
    acmed = make_acmed(pebble)
    acmed.configure({NAME: {}}).start()
    leaf = acmed.issued(NAME)
    assert leaf.not_valid_after - leaf.not_valid_before < 7 * DAY
    status = wait_for(lambda: (s := acmed.status(NAME))["state"] == "valid" and s, "valid")
    lifetime = status["not_after"] - status["not_before"]
    assert status["not_before"] + lifetime * 0.4 < status["renew_at"] <= status["not_before"] + lifetime * 0.6
