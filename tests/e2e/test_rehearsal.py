# SPDX-License-Identifier: MIT
"""acmectl test: orders rehearsed at a CA for trials; nothing is installed and the real CA hears nothing of it."""

import os
import pathlib
import signal
import time

import pytest

from harness.net import listens
from harness.process import alive
from harness.wait import wait_for

NAME = "www.example.com"


@pytest.fixture
def trial(make_pebble):
    return make_pebble(directory="trial")


def stage(acmed, trial, certificates=None, ca=None, section=None, **options):
    """Orders of [ca pebble] are rehearsed at [ca trial]."""
    raw = acmed.section("ca trial", {"directory": trial.directory_url, "ca_file": getattr(trial, "pebble", trial).ca_file, **(section or {})})
    return acmed.configure(certificates or {NAME: {}}, raw=raw, ca={"staging": "trial", **(ca or {})}, **options)


def files(acmed):
    return sorted(str(p.relative_to(acmed.state)) for d in ("certs", "live") for p in (acmed.state / d).rglob("*") if not p.is_dir())


def events(acmed, name=NAME):
    return [e["event"] for e in acmed.ctl("history", name, "--json").events]


def test_a_rehearsal_installs_nothing(acmed, pebble, trial):
    stage(acmed, trial, {NAME: {"domains": f"{NAME} example.com"}}).start()
    acmed.deployed(NAME)
    wait_for(lambda: (acmed.state / f"certs/{NAME}/served").exists(), "the note of what is served")
    before = files(acmed), acmed.status(NAME), pebble.orders(), pebble.log.count("POST")
    r = acmed.ctl("test", NAME)
    assert r.code == 0, r
    assert "rehearsing at CA trial" in r.out and "done: rehearsed at CA trial: all names are validated" in " ".join(r.out.split()), r
    assert trial.orders() == 1 and trial.certificates() == 1
    after = files(acmed), acmed.status(NAME), pebble.orders(), pebble.log.count("POST")
    assert before == after
    assert sorted(os.listdir(acmed.state / "accounts")) == ["pebble", "trial"]
    assert events(acmed)[-1] == "rehearsed"
    journal = (acmed.state / f"state/{NAME}.json").read_text()
    assert "trial" not in journal
    # Again, with the account that is there now, and as one object a line.
    r = acmed.ctl("test", NAME, "--json")
    assert r.code == 0 and '"outcome":"done"' in r.out, r
    assert trial.orders() == 2 and "There are now 1 account" in trial.log and "There are now 2 account" not in trial.log


def test_before_the_first_order(acmed, pebble, trial):
    """What a rehearsal is for: the real CA is away or refuses, and the names are tried all the same."""
    pebble.stop()
    stage(acmed, trial).start()
    acmed.failed(NAME)
    assert acmed.ctl("test").code == 0
    assert files(acmed) == []
    assert acmed.status(NAME)["generation"] == 0
    pebble.start()
    acmed.ctl("renew", NAME)
    acmed.issued(NAME)
    assert trial.certificates() == 1


def test_a_failure_is_explained(acmed, pebble, trial, dns):
    """Nothing of it is held against the certificate."""
    name = "moved.example.com"
    stage(acmed, trial, {name: {}}).start()
    acmed.deployed(name)
    before = acmed.status(name)
    dns.set(name, "127.0.0.9")  # where nobody listens
    r = acmed.ctl("test", name)
    assert r.code == 1, r
    text = " ".join(r.out.split())
    assert "failed: the rehearsal at CA trial failed" in text and "127.0.0.9" in text, r
    assert "Port 80 of every address" in text, r
    assert acmed.status(name) == before and events(acmed, name)[-1] == "rehearsal-failed"
    assert acmed.ctl("status", "--check").code == 0


def test_a_ca_for_trials_that_is_away(acmed, pebble, trial):
    trial.stop()
    stage(acmed, trial).start()
    acmed.deployed(NAME)
    r = acmed.ctl("test", NAME)
    assert r.code == 1 and "the rehearsal at CA trial failed" in " ".join(r.out.split()), r
    assert acmed.ctl("status", "--check").code == 0


def test_without_one_it_says_what_is_missing(acmed, pebble):
    acmed.configure({NAME: {}}).start()
    acmed.deployed(NAME)
    r = acmed.ctl("test", NAME)
    assert r.code == 1 and "add `staging = NAME` to [ca pebble]" in " ".join(r.out.split()), r
    assert acmed.ctl("test").code == 0
    assert acmed.ctl("test", "other.example.com").code == 2


def test_one_that_is_for_trials_itself(acmed, trial, pebble):
    stage(acmed, trial, {NAME: {"ca": "trial"}}).start()
    acmed.deployed(NAME)
    r = acmed.ctl("test", NAME)
    assert r.code == 1 and "there is nothing to rehearse" in " ".join(r.out.split()), r


def test_a_stranger_may_not(acmed, pebble, trial):
    from harness.daemon import ROOT, STRANGER
    if not ROOT:
        pytest.skip("needs root")
    stage(acmed, trial).start()
    acmed.deployed(NAME)
    assert acmed.ctl("test", NAME, user=STRANGER).code == 4
    assert trial.orders() == 0


def test_a_profile_that_is_not_offered_there(acmed, pebble, trial):
    """It is the real CA's to offer, and no reason to fail."""
    pebble.stop()
    stage(acmed, trial, {NAME: {"profile": "special"}}).start()
    r = acmed.ctl("test", NAME)
    assert r.code == 0 and "there is no profile special here" in " ".join(r.out.split()), r


def test_rsa(acmed, pebble, trial):
    stage(acmed, trial, {NAME: {"key": "rsa-2048"}}).start()
    acmed.issued(NAME)
    r = acmed.ctl("test", NAME)
    assert r.code == 0, r
    assert trial.certificates() == 1


def test_several_at_once_and_twice(acmed, pebble, trial):
    names = [f"n{i}.example.com" for i in range(6)]
    stage(acmed, trial, {n: {} for n in names}, max_orders=2).start()
    for n in names:
        acmed.deployed(n)
    r = acmed.ctl("test", *names, *names)
    assert r.code == 0 and trial.certificates() == 6, r
    assert len([line for line in r.out.splitlines() if " done: " in line or "  done: " in line]) >= 6


def test_more_than_twenty_must_be_meant(acmed, pebble, trial):
    names = [f"n{i}.example.com" for i in range(21)]
    pebble.stop()
    stage(acmed, trial, {n: {} for n in names}).start()
    r = acmed.ctl("test")
    assert r.code == 2 and "say --all" in r.text, r
    assert trial.orders() == 0


@pytest.mark.parametrize("who", ["all", "acmed-engine", "acmed-keeper"])
def test_killed_in_the_middle(held, proxy, make_proxy, trial, who):
    """The rehearsal is forgotten; the certificate's own order is untouched, and the next rehearsal is a new one."""
    through = make_proxy(trial)
    hold = through.hold("/finalize-order")
    stage(held, through).start()
    held.deployed(NAME)
    import threading
    results = []
    client = threading.Thread(target=lambda: results.append(held.ctl("test", NAME)))
    client.start()
    hold.wait()
    if who == "all":
        held.kill()
    else:
        pid = held.children()[who]
        os.kill(pid, 9)
        wait_for(lambda: not alive(pid), "its end")
    hold.drop()
    client.join()
    assert results[0].code == 3 and "given up the rehearsal" in results[0].text, results[0]
    if who == "all":
        held.start()
    wait_for(lambda: held.socket.exists() and held.status(NAME)["state"] == "valid", "the daemon to serve again")
    assert proxy.pebble.orders() == 1 and held.generation(NAME) == 1
    assert "certs/www.example.com/pending/key.pem" not in files(held)
    assert held.ctl("test", NAME).code == 0
    assert trial.certificates() == 1


def test_an_order_waits_for_the_rehearsal_and_goes_on(held, proxy, make_proxy, trial):
    through = make_proxy(trial)
    stage(held, through).start()
    held.deployed(NAME)
    hold = through.hold("/finalize-order")
    with held.varlink() as v:
        v.send("org.acmed.Control.Test", {"names": [NAME]}, more=True)
        hold.wait()
        with held.varlink() as w:
            w.send("org.acmed.Control.Renew", {"names": [NAME], "force": True, "wait": False})
            w.receive()
        assert proxy.pebble.orders() == 1
        hold.release()
        held.issued(NAME, 2)
    assert proxy.pebble.orders() == 2 and trial.certificates() == 1


def test_the_account_there_may_be_lost(acmed, pebble, trial):
    """Directories for trials are emptied now and then."""
    stage(acmed, trial).start()
    acmed.deployed(NAME)
    assert acmed.ctl("test", NAME).code == 0
    trial.stop()
    trial.start()
    wait_for(lambda: listens(trial.port), "the CA for trials")
    assert acmed.ctl("test", NAME).code == 0


def test_dns_records_are_set_and_removed(acmed, pebble, trial, script, place, dns):
    """The records are those of the account for trials; they go away like others."""
    calls = place / "calls"
    hook = script("hook", f'''
echo "$@" >>{calls}
[ $1 = present ] && path=set-txt || path=clear-txt
exec curl -sSf -d "{{\\"host\\": \\"$2.\\", \\"value\\": \\"$3\\"}}" http://127.0.0.1:{dns.management}/$path
''')
    pebble.stop()
    stage(acmed, trial, {NAME: {"challenge": "dns-01", "dns_hook": f"exec:{hook}"}}, http_listen="off", dns_resolver="off").start()
    assert acmed.ctl("test", NAME).code == 0
    wait_for(lambda: [line.split()[0] for line in calls.read_text().splitlines()] == ["present", "cleanup"], "the record to go")
    wait_for(lambda: '"published": null' in (acmed.state / f"state/{NAME}.json").read_text(), "the journal to forget it")


def test_files_are_written_and_removed(acmed, pebble, trial, place, make_nginx, http_port):
    """The answers in a webroot are those of the account for trials, too."""
    webroot = place / "html"
    webroot.mkdir()
    webroot.chmod(0o755)
    make_nginx(acmed, NAME, http_port=http_port, extra=f"location /.well-known/acme-challenge/ {{ root {webroot}; }}")
    pebble.stop()
    stage(acmed, trial, {NAME: {"webroot": webroot}}, http_listen="off").start()
    r = acmed.ctl("test", NAME)
    assert r.code == 0, r
    wait_for(lambda: list((webroot / ".well-known/acme-challenge").iterdir()) == [], "the files to be removed")


# -- rehearse = yes


def test_new_names_are_rehearsed_first(acmed, pebble, trial):
    stage(acmed, trial, {NAME: {"rehearse": "yes"}}).start()
    acmed.deployed(NAME)
    assert [e for e in events(acmed) if e in ("rehearsed", "started", "issued")] == ["rehearsed", "started", "issued"]
    assert trial.certificates() == 1 and pebble.orders() == 1
    # A renewal is of names that are proven; so is an order after a restart.
    acmed.renew(NAME)
    assert acmed.stop() == 0
    acmed.start()
    acmed.renew(NAME)
    assert trial.orders() == 1 and acmed.generation(NAME) == 3
    # Other names are not. (The new order is not held by the hour between two issuances: a person asks for a reload.)
    stage(acmed, trial, {NAME: {"rehearse": "yes"}, "new.example.com": {"rehearse": "yes", "domains": "new.example.com also.example.com"}})
    assert acmed.ctl("reload").code == 0
    acmed.deployed("new.example.com")
    assert trial.orders() == 2 and events(acmed, "new.example.com")[:1] == ["rehearsed"]


def test_a_rehearsal_that_fails_holds_the_order(acmed, pebble, make_proxy, trial):
    through = make_proxy(trial)
    through.answer("/order-plz", 403, {"type": "urn:ietf:params:acme:error:rejectedIdentifier", "detail": "not for trials", "status": 403}, times=50)
    stage(acmed, through, {NAME: {"rehearse": "yes"}}).start()
    c = acmed.failed(NAME)
    assert c["state"] == "failing" and "the rehearsal at CA trial failed" in c["last_error"]["text"] and "not for trials" in c["reason"], c
    assert c["attempts"] == 1 and c["next_at"] - c["last_error"]["at"] > 20 * 3600
    assert "take it out of `domains`" in c["advice"]
    assert pebble.orders() == 0 and "rehearsal-failed" in events(acmed) and "started" not in events(acmed)
    assert acmed.ctl("status", "--check").code == 1
    assert "rehearse at CA trial, then issue: " in acmed.ctl("plan").out, acmed.ctl("plan")
    # Who knows better orders without.
    assert acmed.ctl("renew", NAME).code == 0
    assert acmed.generation(NAME) == 1 and trial.orders() == 0
    assert "rehearse" not in acmed.ctl("plan").out


def test_a_successful_test_lets_the_order_go(acmed, pebble, make_proxy, trial):
    through = make_proxy(trial)
    through.answer("/order-plz", 403, {"type": "urn:ietf:params:acme:error:rejectedIdentifier", "detail": "x", "status": 403}, times=1)
    stage(acmed, through, {NAME: {"rehearse": "yes"}}).start()
    acmed.failed(NAME)
    assert acmed.ctl("test", NAME).code == 0
    acmed.deployed(NAME)
    assert trial.certificates() == 1


def test_an_automatic_rehearsal_is_taken_up_after_a_crash(acmed, pebble, make_proxy, trial):
    through = make_proxy(trial)
    hold = through.hold("/finalize-order")
    stage(acmed, through, {NAME: {"rehearse": "yes"}}).start()
    hold.wait()
    c = acmed.status(NAME)
    assert c["state"] == "ordering" and "rehearse the order at CA trial" in c["next_action"], c
    acmed.kill()
    hold.drop()
    assert pebble.orders() == 0
    acmed.start()
    acmed.deployed(NAME)
    assert trial.certificates() == 1 and pebble.orders() == 1


def test_rehearse_needs_a_ca_for_trials(acmed, pebble, trial):
    acmed.configure({NAME: {"rehearse": "yes"}})
    r = acmed.check()
    assert r.code == 2 and "add `staging = NAME` to [ca pebble]" in r.text, r
    stage(acmed, trial, {NAME: {"rehearse": "yes", "ca": "trial"}})
    assert acmed.check().code == 0


# -- pacing ---------------------------------------------------------------------------------------------------------


def test_it_waits_for_a_pause_of_that_ca(held, proxy, make_proxy, trial):
    """What the CA for trials asks for holds rehearsals as what the real one asks for holds orders; the real one has no part in it."""
    staging = make_proxy(trial)
    names = [f"n{i}.example.com" for i in range(3)]
    stage(held, staging, {n: {} for n in names}).start()
    for n in names:
        held.deployed(n)
    staging.answer("/order-plz", 429, "rateLimited", [("Retry-After", "3600")])
    r = held.ctl("test", names[0])
    assert r.code == 1 and "429" in r.text, r
    asked = len(staging.requests)
    assert "rateLimited" in r.text
    with held.varlink() as v:
        v.send("org.acmed.Control.Test", {"names": names[1:2]}, more=True)
        told = v.receive()["parameters"]["progress"][0]["text"]
        assert told.startswith("waiting: CA trial takes no new orders for now: ") and "; until 20" in told, told
        assert len(staging.requests) == asked
        held.renew(names[2])


def test_a_limit_of_that_ca_holds_them(held, make_proxy, trial):
    names = [f"n{i}.example.com" for i in range(3)]
    stage(held, trial, {n: {} for n in names}, section={"limits": "2/10s"}).start()
    for n in names:
        held.deployed(n)
    r = held.ctl("test")
    assert r.code == 0 and "waiting: CA trial allows a limited number of new orders" in " ".join(r.out.split()), r
    assert trial.orders() == 3


def test_one_goes_first_to_a_ca_that_is_away(held, proxy, trial):
    names = [f"n{i}.example.com" for i in range(4)]
    stage(held, trial, {n: {} for n in names}).start()
    for n in names:
        held.deployed(n)
    trial.stop()
    r = held.ctl("test", names[0])
    assert r.code == 1 and "trial" in r.text, r
    with held.varlink() as v:
        v.send("org.acmed.Control.Test", {"names": names[1:]}, more=True)
        told = [v.receive()["parameters"]["progress"][0] for _ in names[1:]]
    assert sum("rehearsing at CA" in t["text"] for t in told) == 1, told
    assert sum(t["text"].startswith("waiting: ") for t in told) == 2, told


def test_a_slow_key_holds_no_place(acmed, pebble, trial):
    """One place, and the key of a rehearsal that takes as long as the test wants: an order goes on meanwhile."""
    slow = "slow.example.com"
    stage(acmed, trial, {NAME: {}, slow: {"key": "rsa-4096"}}, max_orders=1).start()
    acmed.deployed(slow, seconds=120), acmed.deployed(NAME)
    keeper = acmed.children()["acmed-keeper"]

    def stopped():
        """Looks very often: with luck a key is made in no time."""
        for _ in range(1000):
            pids = [int(p) for p in pathlib.Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()]
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            if pids:
                return pids
            time.sleep(0.002)

    with acmed.varlink() as v:
        v.send("org.acmed.Control.Test", {"names": [slow]}, more=True)
        pids = wait_for(stopped, "the key to be made")
        acmed.renew(NAME)
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        while (outcome := v.receive()["parameters"]["progress"][0]["outcome"]) is None:
            pass
    assert outcome == "done"
