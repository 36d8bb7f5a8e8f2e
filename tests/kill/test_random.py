# SPDX-License-Identifier: MIT
"""kill -9 of any of the three processes, at any moment, some hundreds of times, while 20 certificates are renewed."""

import base64
import collections
import json
import os
import pathlib
import random
import signal
import time

import pytest
from cryptography.hazmat.primitives import serialization

from harness.daemon import ROOT
from harness.process import alive
from harness.wait import wait_for
from ledger import Ledger

NAMES = [f"c{n:02}.example.com" for n in range(20)]
ROW_MAX = 4  # children killed one after the other: the supervisor's pause before a new pair doubles each time


class Stream:
    """Asks for renewals, without waiting for what comes of them."""

    def __init__(self, acmed, rng):
        self.acmed, self.rng = acmed, rng
        self.asked = collections.Counter()

    def ask(self):
        names = self.rng.sample(NAMES, self.rng.randint(1, 3))
        self.asked.update(names)  # heard or not
        try:
            with self.acmed.varlink(timeout=2) as v:
                v.call("org.acmed.Control.Renew", {"names": names, "force": True, "wait": False})
        except (OSError, ConnectionError):
            pass


class Killer:
    def __init__(self, acmed, rng):
        self.acmed, self.rng = acmed, rng
        self.killed = collections.Counter()
        self.row = 0

    def kill_one(self):
        below = self.acmed.children()
        who = self.rng.choice(["acmed", "acmed-keeper", "acmed-engine"])
        if who == "acmed" or self.row >= ROW_MAX:
            self.kill_supervisor(below)
        elif who in below:
            try:
                os.kill(below[who], signal.SIGKILL)
            except ProcessLookupError:
                return  # it was following the one that was killed before
            self.killed[who] += 1
            self.row += 1

    def kill_supervisor(self, below):
        self.acmed.process.popen.kill()
        self.acmed.process.popen.wait(10)
        if self.rng.random() < 0.3:
            for pid in below.values():
                wait_for(lambda pid=pid: not alive(pid), f"process {pid} to follow its supervisor")
        self.killed["acmed"] += 1
        self.row = 0
        self.acmed.start(ready=False)


@pytest.fixture
def seed(request):
    s = request.config.getoption("--seed")
    s = s if s is not None else random.SystemRandom().randrange(10**6)
    print(f"seed: {s}")
    return s


def hook_that_notes(place, script):
    """Writes down which generation it was run for."""
    place.joinpath("out").mkdir()
    return script("note", f'cd -P "$ACMED_DIR" && echo "$ACMED_CERTIFICATE ${{PWD##*/}}" >>{place}/out/runs\n')


def settled(acmed):
    s = acmed.status()
    return s["daemon"]["orders_in_flight"] == 0 and s["daemon"]["orders_waiting"] == 0 and all(
        c["state"] == "valid" and c["deploy"]["step"] == "done" and c["deploy"]["generation"] == c["generation"] for c in s["certificates"]) and s


def secrets_of(state):
    """Every spelling of every private key below state."""
    found = set()
    for f in state.rglob("*.pem"):
        data = f.read_bytes() if f.is_file() else b""
        if f.name not in ("privkey.pem", "key.pem") or b"PRIVATE KEY" not in data:
            continue
        number = serialization.load_pem_private_key(data, None).private_numbers().private_value.to_bytes(32, "big")
        found |= {number.hex(), number.hex().upper(), base64.b64encode(number).decode()[:40], base64.urlsafe_b64encode(number).decode()[:40],
                  data.decode().splitlines()[2][:40]}
    return found


def check_nothing_was_lost(acmed, place, ledger, stream):
    """L2 and L4, by what the CA has noted."""
    runs = collections.defaultdict(set)
    for line in (place / "out/runs").read_text().splitlines():
        name, number = line.split()
        runs[name].add(int(number))
    for name in NAMES:
        generations = acmed.generation(name)
        journal = ledger.journal(name)
        allowed = generations + journal["repeated_orders"] + ledger.died(name)
        assert ledger.orders(name) <= allowed, (
            f"{name}: {ledger.orders(name)} orders at the CA for {generations} generations, {journal['repeated_orders']} repeated, "
            f"{ledger.died(name)} declared invalid: {ledger.placed[name]}")
        assert generations <= 1 + stream.asked[name], f"{name}: {generations} generations, {stream.asked[name]} asked for"
        on_disk = {int(d.name) for d in (acmed.state / "certs" / name).iterdir() if d.name.isdigit()}
        assert on_disk == set(range(1, generations + 1)), f"{name}: {on_disk}"
        missed = [n for n in on_disk if not any(r >= n for r in runs[name])]
        assert not missed and max(runs[name]) == generations, f"{name}: no hook ran for {missed}: {runs[name]}"
    assert ledger.new_accounts == 1 and len(ledger.kids) == 1, f"{ledger.new_accounts} accounts, {ledger.kids}"


def check_no_secret_was_shown(acmed, report):
    secrets = secrets_of(acmed.state)
    assert len(secrets) > 100
    texts = {"the log": acmed.text(), "a command line or an environment": "\n".join(report["processes"])}
    for f in (acmed.state / "state").rglob("*"):
        if f.is_file():
            texts[str(f)] = f.read_text(errors="replace")
    for where, text in texts.items():
        assert "PRIVATE KEY" not in text, where
        assert not [s for s in secrets if s in text], where


def core_limits(acmed):
    found = {}
    for name, pid in acmed.children().items():
        text = pathlib.Path(f"/proc/{pid}/limits").read_text()
        found[name] = next(line.split()[4:6] for line in text.splitlines() if line.startswith("Max core file size"))
    return found


def test_killed_at_random(request, make_acmed, proxy, place, script, seed, observed):
    rng = random.Random(seed)
    # Whoever starts acmed allows cores: the keeper itself must not.
    held = make_acmed(proxy, wrapper=["/usr/bin/prlimit", "--core=unlimited:unlimited"] if ROOT else [])
    ledger = Ledger(proxy, held.state, lambda: held.children().get("acmed-engine"))
    hook = hook_that_notes(place, script)
    held.configure({n: {"hook": hook} for n in NAMES}, log_level="info").start()
    end = observed(held, NAMES)
    wait_for(lambda: settled(held), "the first certificates", 60)
    assert core_limits(held)["acmed-keeper"] == ["0", "0"]
    stream, killer = Stream(held, rng), Killer(held, rng)
    began = time.monotonic()
    total, limit = request.config.getoption("--kills"), 110
    # A slow machine takes longer, and kills at least a third.
    while (killed := sum(killer.killed.values())) < total and (time.monotonic() < began + limit or killed < total // 3):
        stream.ask()
        time.sleep(rng.uniform(0, 0.35))
        killer.kill_one()
        if rng.random() < 0.8:
            try:
                wait_for(held.answers, "acmed to answer", 15)
            except AssertionError:
                print(held.text()[-3000:])
                raise
    took = time.monotonic() - began
    wait_for(lambda: settled(held), "everything to be renewed and deployed", 60)
    for name in NAMES:
        stream.asked[name] += 1
    before = {n: held.generation(n) for n in NAMES}
    held.renew(*NAMES)
    wait_for(lambda: settled(held), "the last deployments", 60)
    assert all(held.generation(n) == before[n] + 1 for n in NAMES)
    report = end()
    print(f"{dict(killer.killed)} killed in {took:.0f} s; {sum(ledger.orders(n) for n in NAMES)} orders, "
          f"{sum(ledger.died(n) for n in NAMES)} of them died, {held.status()['daemon']['repeated_orders']} repeated, "
          f"{sum(held.generation(n) for n in NAMES)} generations; looked {report['looks']} times at {report['generations']} of them")
    print(*report["wrong"], *ledger.wrong, sep="\n")
    assert not report["wrong"]
    assert not ledger.wrong
    check_nothing_was_lost(held, place, ledger, stream)
    check_no_secret_was_shown(held, report)
