# SPDX-License-Identifier: MIT
"""Killed at each change to the disk; each change refused; a disk that is full; files that are damaged."""

import subprocess

import pytest

from conftest import needs_root
from disk import CHANGES, QUOTA, ROOM, SmallDisk, Tampered, can_trace
from harness.process import alive
from harness.wait import wait_for
from ledger import Ledger

NAME = "www.example.com"
POINTS_MAX = 120

needs_trace = pytest.mark.skipif(not can_trace(), reason="strace may not trace here")


@pytest.fixture
def noted(place, script):
    """A hook, and the generations that it ran for."""
    runs = place / "runs"
    hook = script("note", f'cd -P "$ACMED_DIR" && echo "${{PWD##*/}}" >>{runs}\n')
    return hook, lambda: [int(x) for x in runs.read_text().split()]


# strace makes a call fail by not making it; the filter of system calls, which sees that one next, answers ENOSYS.
REFUSED = ("Function not implemented", "nput/output error", "Read-only file system")


def tells(text):
    return any(words in text for words in REFUSED)


def ask(acmed):
    """A renewal, without waiting for it."""
    def asked():
        with acmed.varlink(timeout=5) as v:
            v.call("org.acmed.Control.Renew", {"names": [NAME], "force": True, "wait": False})
        return True
    wait_for(asked, "acmed to take a request")


def orders_are_accounted_for(acmed, ledger):
    repeated = ledger.journal(NAME)["repeated_orders"]
    assert ledger.orders(NAME) <= acmed.generation(NAME) + repeated + ledger.died(NAME), (
        f"{ledger.orders(NAME)} orders for {acmed.generation(NAME)} generations, {repeated} repeated, {ledger.died(NAME)} dead")


def calm(acmed):
    """A reload is a fresh pair without the pause that grows with each death."""
    old = set(acmed.children().values())
    assert acmed.ctl("reload").code == 0
    wait_for(lambda: len(now := set(acmed.children().values())) == 2 and not now & old and acmed.answers(), "the fresh pair")


@needs_root
@needs_trace
@pytest.mark.slow
@pytest.mark.parametrize("who", ["acmed-keeper", "acmed-engine"])
def test_killed_before_each_change(make_acmed, proxy, place, noted, observed, who):
    hook, runs = noted
    held = make_acmed(proxy)
    ledger = Ledger(proxy, held.state, lambda: held.children().get("acmed-engine"))
    held.configure({NAME: {"hook": hook}}, log_level="info").start()
    held.deployed(NAME)
    end = observed(held, [NAME])
    points = 0
    for n in range(1, POINTS_MAX):
        calm(held)
        before, below = held.generation(NAME), held.children()
        pid = below[who]
        with Tampered(pid, place / "strace.out", f"signal=KILL:when={n}") as t:
            ask(held)
            wait_for(lambda: held.children().get(who) != pid or held.generation(NAME) > before, f"renewal or death at change {n}")
            if held.children().get(who) == pid:
                held.deployed(NAME, before + 1)
            else:
                wait_for(lambda: not any(alive(p) for p in below.values()), "both children to end")
            wait_for(held.answers, "acmed to be back")
        now = wait_for(lambda: held.status(NAME), "acmed's word")
        if now["generation"] == before and now["state"] == "valid":
            # Killed before the request was on the disk: it was never made.
            ask(held)
        held.deployed(NAME, before + 1)
        assert max(runs()) == held.generation(NAME)
        if not t.struck():
            break
        points += 1
    print(f"{who}: killed at each of {points} changes")
    assert points >= 6
    report = end()
    assert not report["wrong"], report["wrong"]
    assert not ledger.wrong, ledger.wrong
    orders_are_accounted_for(held, ledger)


@needs_root
@needs_trace
@pytest.mark.slow
@pytest.mark.parametrize("who, calls, error", [("acmed-keeper", CHANGES, "EIO"), ("acmed-engine", CHANGES, "EIO"), ("acmed-keeper", "write", "ENOSPC")])
def test_each_change_refused_once(make_acmed, proxy, place, noted, observed, who, calls, error):
    """What was abandoned is tried again when asked; status said why; nothing half-made is ever live."""
    hook, runs = noted
    held = make_acmed(proxy)
    ledger = Ledger(proxy, held.state, lambda: held.children().get("acmed-engine"))
    held.configure({NAME: {"hook": hook}}, log_level="info").start()
    held.deployed(NAME)
    end = observed(held, [NAME])
    points = told = 0
    for n in range(1, POINTS_MAX):
        before, pid = held.generation(NAME), held.children()[who]
        with Tampered(pid, place / "strace.out", f"error={error}:when={n}", calls) as t:
            r = held.ctl("renew", "now", NAME, "--force", timeout=60)
        assert held.children()[who] == pid, f"it died of change {n}:\n{held.text()[-2000:]}"
        if r.code != 0:
            told += 1
            assert tells(r.text), r
            assert held.ctl("renew", "now", NAME, "--force").code == 0
        held.deployed(NAME, before + 1)
        assert max(runs()) == held.generation(NAME)
        if not t.struck():
            break
        points += 1
    print(f"{who}: {points} changes were refused, {told} times the renewal failed for it")
    # Pebble does not find some of the certificates that an order says it replaces, and fails; it is repeated without.
    wait_for(lambda: ledger.journal(NAME)["repeated_orders"] <= held.text().count("did not take the order as one that replaces"),
             "no more orders than those: an error loses none, acmed was there to see it")
    assert points >= 6 and told >= 3
    report = end()
    assert not report["wrong"], report["wrong"]
    assert not ledger.wrong, ledger.wrong
    orders_are_accounted_for(held, ledger)


@needs_root
@needs_trace
def test_a_disk_that_is_read_only_for_a_while(make_acmed, proxy, place):
    held = make_acmed(proxy)
    held.configure({NAME: {}}).start()
    held.deployed(NAME)
    orders = proxy.pebble.orders()
    below = held.children()
    with Tampered(below["acmed-keeper"], place / "keeper.out", "error=EROFS"), \
            Tampered(below["acmed-engine"], place / "engine.out", "error=EROFS"):
        r = held.ctl("renew", "now", NAME, "--force")
        assert r.code == 1 and tells(r.text), r
        status = held.status(NAME)
        assert status["generation"] == 1 and tells(status["last_error"]["text"])
        assert held.ctl("status").code == 0
    assert proxy.pebble.orders() == orders, "nothing is ordered that cannot be written down"
    assert held.children() == below
    held.renew(NAME)
    held.deployed(NAME, 2)


@needs_root
@needs_trace
@pytest.mark.parametrize("who", ["acmed-keeper", "acmed-engine"])
def test_a_quota_that_is_used_up(make_acmed, make_pebble, make_proxy, place, who):
    """Whatever needs room fails; what is told names the quota. The keys' owner and the journals' have quotas of their own."""
    proxy = make_proxy(make_pebble(env={"PEBBLE_WFE_NONCEREJECT": "0"}))
    held = make_acmed(proxy)
    held.configure({NAME: {}, "b.example.com": {}}).start()
    held.deployed(NAME)
    held.deployed("b.example.com")
    files = {p: p.read_bytes() for d in ("accounts", "certs") for p in (held.state / d).rglob("*") if p.is_file()}
    below = held.children()
    with Tampered(below[who], place / "strace.out", QUOTA, f"write,{ROOM}" if who == "acmed-keeper" else ROOM):
        r = held.ctl("renew", "now", NAME, "--force")
        assert r.code == 1 and "Disk quota exceeded" in r.text, r
        status = held.status(NAME)
        assert status["generation"] == 1 and "Disk quota exceeded" in status["last_error"]["text"]
        assert status["last_error"]["class"] == "internal" and status["next_at"] > status["last_error"]["at"]
        assert "Disk quota exceeded" in " ".join(held.ctl("show", NAME).text.split())
        assert held.status("b.example.com")["state"] == "valid" and held.ctl("status").code == 0
    # Only the keeper's quota shows when the order is there; that order is the one that goes on.
    assert proxy.orders(NAME) == (2 if who == "acmed-keeper" else 1), "nothing is ordered that cannot be written down"
    assert held.children() == below and {p: p.read_bytes() for p in files} == files
    held.renew(NAME)
    held.deployed(NAME, 2)
    assert proxy.orders(NAME) == 2 and held.status()["daemon"]["repeated_orders"] == 0
    assert held.children() == below, "it recovered without a restart"


@needs_root
@pytest.mark.parametrize("kind", ["bytes", "inodes"])
def test_a_full_disk(make_acmed, proxy, ending, place, kind):
    held = make_acmed(proxy)
    disk = SmallDisk(held.state, kind)
    ending(disk.stop)
    ending(held.end)
    held.configure({NAME: {}}).start()
    held.deployed(NAME)
    orders, below = proxy.pebble.orders(), held.children()
    disk.fill()
    r = held.ctl("renew", "now", NAME, "--force")
    assert r.code == 1 and "No space left on device" in r.text, r
    status = held.status(NAME)
    assert status["generation"] == 1 and "No space left" in status["last_error"]["text"]
    assert proxy.pebble.orders() == orders, "nothing is ordered that cannot be written down"
    held.kill()
    held.start()
    assert held.status(NAME)["generation"] == 1
    below = held.children()
    disk.free()
    held.renew(NAME)
    held.deployed(NAME, 2)
    assert held.children() == below, "it recovered without a restart"


def truncated(data):
    return data[: len(data) // 2]


def zeroed(data):
    return bytes(len(data))


def emptied(data):
    return b""


def flipped(data):
    return bytes([data[0] ^ 0x10]) + data[1:]


DAMAGES = [truncated, zeroed, emptied, flipped]


def damage(path, how):
    path.write_bytes(how(path.read_bytes()))


@pytest.mark.parametrize("how", DAMAGES, ids=lambda d: d.__name__)
def test_a_damaged_journal_is_put_aside(acmed, pebble, how):
    acmed.configure({NAME: {}, "b.example.com": {}}).start()
    acmed.deployed(NAME)
    acmed.deployed("b.example.com")
    acmed.stop()
    journal = acmed.state / "state" / f"{NAME}.json"
    damage(journal, how)
    acmed.start()
    status = acmed.status(NAME)
    assert status["state"] == "valid" and status["generation"] == 1
    acmed.says(f"state/{NAME}.json cannot be used")
    assert journal.with_suffix(".json.bad").exists()
    acmed.renew(NAME)
    acmed.deployed(NAME, 2)
    assert journal.exists() and acmed.status("b.example.com")["generation"] == 1
    assert pebble.orders() == 3


@pytest.mark.parametrize("how", DAMAGES, ids=lambda d: d.__name__)
def test_a_damaged_account_record_finds_the_account_again(make_acmed, proxy, how):
    held = make_acmed(proxy)
    ledger = Ledger(proxy, held.state, lambda: held.children().get("acmed-engine"))
    held.configure({NAME: {}}).start()
    held.deployed(NAME)
    held.stop()
    damage(held.state / "accounts/pebble/account.json", how)
    held.start()
    held.renew(NAME)
    held.deployed(NAME, 2)
    assert ledger.new_accounts == 1 and len(ledger.kids) == 1


@pytest.mark.parametrize("how", DAMAGES, ids=lambda d: d.__name__)
def test_a_damaged_account_key_is_kept_and_replaced(acmed, how):
    acmed.configure({NAME: {}}).start()
    acmed.deployed(NAME)
    acmed.stop()
    folder = acmed.state / "accounts/pebble"
    damage(folder / "key.pem", how)
    bad = (folder / "key.pem").read_bytes()
    acmed.start()
    acmed.renew(NAME)
    acmed.deployed(NAME, 2)
    kept = [f for f in (acmed.state / "accounts").rglob("*") if f.is_file() and f.read_bytes() == bad]
    assert kept, "the damaged key is thrown away"
    assert all(f.stat().st_mode & 0o077 == 0 for f in kept)
    assert "account" in acmed.text() and "key" in acmed.text()


@pytest.mark.parametrize("how", DAMAGES, ids=lambda d: d.__name__)
def test_a_damaged_live_certificate_is_told_and_renewed(acmed, how):
    """Not by itself within an hour of the last issuance; but when somebody asks."""
    acmed.configure({NAME: {}}).start()
    acmed.deployed(NAME)
    acmed.stop()
    damage(acmed.live(NAME, "cert.pem"), how)
    acmed.start()
    assert acmed.status(NAME)["state"] != "valid"
    acmed.says(f"{NAME}/1/cert.pem")
    acmed.renew(NAME)
    acmed.deployed(NAME, 2)


def test_the_lock_of_a_killed_daemon_is_harmless(acmed, make_acmed, pebble):
    acmed.configure({NAME: {}}).start()
    acmed.deployed(NAME)
    second = subprocess.run([acmed.program, "-f", "-c", acmed.conf], capture_output=True, text=True, timeout=60, cwd="/")
    assert second.returncode == 1 and "another acmed" in second.stderr, second
    acmed.kill()
    acmed.start()
    assert acmed.status(NAME)["generation"] == 1
