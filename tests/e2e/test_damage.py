# SPDX-License-Identifier: MIT
"""Files of a live certificate that somebody wrote over, or that the disk has lost."""

import json

import pytest

from harness.daemon import key_matches
from harness.wait import wait_for

NAME = "www.example.com"
DAMAGED = "the files of the live certificate are damaged"


def break_file(acmed, file, how):
    path = acmed.live(NAME, file)
    good = path.read_bytes()
    if how == "truncated":
        path.write_bytes(good[:len(good) // 2])
    elif how == "flipped":
        path.write_bytes(good[:200] + bytes([good[200] ^ 1]) + good[201:])
    elif how == "zeroed":
        path.write_bytes(bytes(len(good)))
    else:
        path.unlink()
    return good


@pytest.mark.parametrize(("file", "how"), [("privkey.pem", "flipped"), ("fullchain.pem", "truncated"), ("haproxy.pem", "zeroed"),
                                           ("chain.pem", "missing")])
def test_a_damaged_file_is_repaired(acmed, pebble, script, out, file, how):
    """At the start; what had read it is told."""
    hook = script("hook", f"echo $ACMED_EVENT >>{out}/runs\n")
    acmed.configure({NAME: {"hook": hook}}).start()
    acmed.deployed(NAME)
    acmed.stop()
    mode = acmed.live(NAME, file).stat().st_mode
    good = break_file(acmed, file, how)
    acmed.start()
    wait_for(lambda: (out / "runs").read_text().split() == ["issued", "deploy"], "the deployment of what was repaired")
    assert acmed.live(NAME, file).read_bytes() == good
    assert acmed.live(NAME, file).stat().st_mode == mode
    acmed.says(f"{file} was damaged and is repaired")
    acmed.deployed(NAME)
    assert acmed.generation(NAME) == 1 and pebble.orders() == 1
    assert "repaired" in [e["event"] for e in acmed.ctl("history", NAME, "--json").events]


def test_damage_beyond_repair_is_renewed(acmed, pebble, place):
    copy = place / "copy.pem"
    acmed.configure({NAME: {"copy": f"privkey:{copy}"}}).start()
    acmed.deployed(NAME)
    acmed.stop()
    key = break_file(acmed, "privkey.pem", "truncated")
    break_file(acmed, "haproxy.pem", "zeroed")
    journal = acmed.state / "state" / f"{NAME}.json"
    content = json.loads(journal.read_text())
    content["issued"] = [content["issued"][0] - 2 * 3600]  # an automatic one is never sooner than an hour after the last
    owner = journal.stat()
    journal.write_text(json.dumps(content))
    assert journal.stat().st_uid == owner.st_uid
    acmed.start()
    acmed.issued(NAME, 2)
    acmed.deployed(NAME, 2)
    acmed.says("the files of the live certificate, certs/www.example.com/1, are damaged: ")
    acmed.says(f"ordering at CA pebble: {DAMAGED}")
    assert pebble.orders() == 2
    assert key_matches(acmed.live(NAME))
    assert copy.read_bytes() == acmed.live(NAME, "privkey.pem").read_bytes() != key


def test_damage_is_said_and_renewal_waits_for_the_floor(acmed, pebble, place):
    """A disk that loses what is written makes no loop of orders; copies that are good stay."""
    copy = place / "copy.pem"
    acmed.configure({NAME: {"copy": f"privkey:{copy}"}}).start()
    acmed.deployed(NAME)
    acmed.stop()
    key = break_file(acmed, "privkey.pem", "missing")
    break_file(acmed, "haproxy.pem", "truncated")
    acmed.start()
    status = wait_for(lambda: (s := acmed.status(NAME))["reason"].startswith(DAMAGED) and s,
                      "the damage to be shown")
    assert 0 < status["next_at"] - status["deploy"]["done_at"] <= 3700
    assert copy.read_bytes() == key
    acmed.live(NAME, "privkey.pem").write_bytes(key)
    acmed.stop()
    acmed.start()
    wait_for(lambda: not acmed.status(NAME)["reason"].startswith(DAMAGED), "the damage to be over")
    assert pebble.orders() == 1


def test_a_link_that_the_administrator_moved(acmed):
    """FAULTS 27: taken over as it is; the next renewal is the next number."""
    acmed.configure({NAME: {}}).start()
    acmed.deployed(NAME)
    acmed.renew(NAME)
    acmed.deployed(NAME, 2)
    acmed.stop()
    serial = acmed.leaf(NAME).serial_number
    new = acmed.state / "live/new"
    new.symlink_to(f"../certs/{NAME}/1")
    new.rename(acmed.state / "live" / NAME)
    acmed.start()
    acmed.says("generation 1 is live and taken over as it is")
    status = acmed.status(NAME)
    assert status["generation"] == 1 and status["state"] == "valid" and acmed.leaf(NAME).serial_number != serial
    acmed.renew(NAME)
    acmed.deployed(NAME, 3)
