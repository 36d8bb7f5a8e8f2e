# SPDX-License-Identifier: MIT
"""Three processes, what each may do, and what happens when one goes."""

import os
import signal
import socket
import subprocess
import time

import pytest

from conftest import needs_root
from harness.daemon import BUILD
from harness.process import alive
from harness.wait import PATIENCE, wait_for

NAME = "www.example.com"


def proc_status(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def test_second_daemon(acmed, make_acmed, pebble):
    acmed.configure({NAME: {}}).start()
    acmed.issued(NAME)
    second = make_acmed(pebble, directory="second", http_port=acmed.http_port)
    second.configure({NAME: {}}, state_dir=acmed.state)
    second.start(ready=False)
    assert second.process.popen.wait(30 * PATIENCE) == 1
    assert str(acmed.state) in second.text()
    assert acmed.ctl("status").code == 0


def test_a_lock_left_by_kill_is_harmless(acmed):
    acmed.configure({NAME: {}}).start()
    acmed.issued(NAME)
    acmed.kill()
    acmed.start()
    assert acmed.status(NAME)["generation"] == 1


def test_a_new_daemon_waits_for_the_old_keeper(acmed):
    acmed.configure({NAME: {}}).start()
    acmed.issued(NAME)
    acmed.process.stop(signal.SIGKILL)
    acmed.start()
    assert acmed.status(NAME)["generation"] == 1


def test_ready_waits_for_no_ca_and_no_hook(held, proxy, place, script):
    """The service manager hears READY=1 while the CA has not answered yet, and again after a restart while the hook hangs."""
    manager = place / "manager"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(manager))
    listener.settimeout(60 * PATIENCE)
    held.wrapper = ["env", f"NOTIFY_SOCKET={manager}"]

    heard = []

    def hear(word):
        while not any(line.startswith(word) for line in heard):
            heard.extend(listener.recv(65536).decode().split("\n"))

    stuck = place / "stuck"
    stuck.touch()
    hook = script("hook", f"while [ -e {stuck} ]; do sleep 0.05; done")
    hold = proxy.hold("directory")
    held.configure({NAME: {"hook": hook}}).start(ready=False)
    hear("READY=1")
    hear("STATUS=1 certificate: ")
    assert held.generation(NAME) == 0
    hold.release()
    held.issued(NAME)
    wait_for(lambda: held.status(NAME)["next_action"] == "run the hook", "the hook to run")
    held.kill()
    heard.clear()
    held.start(ready=False)
    hear("READY=1")
    assert held.status(NAME)["state"] == "deploying"
    stuck.unlink()
    hear("STATUS=1 certificate, valid")
    listener.close()


@pytest.mark.parametrize("who", ["acmed-engine", "acmed-keeper"])
def test_a_crashed_child_is_replaced(acmed, who):
    acmed.configure({NAME: {}}).start()
    acmed.deployed(NAME)
    before = acmed.children()
    os.kill(before[who], signal.SIGKILL)
    wait_for(lambda: len(acmed.children()) == 2 and not set(acmed.children().values()) & set(before.values()), "a fresh pair")
    wait_for(acmed.answers, "the control socket")
    acmed.renew(NAME)
    assert acmed.generation(NAME) == 2


def test_sigterm_ends_all_with_status_0(acmed):
    acmed.configure({NAME: {}}).start()
    acmed.deployed(NAME)
    pids = acmed.children().values()
    assert acmed.stop() == 0
    assert not any(alive(p) for p in pids)
    assert not acmed.socket.exists() or acmed.ctl("status").code == 3


@needs_root
@pytest.mark.smoke
def test_confinement(acmed):
    acmed.configure({NAME: {}}).start()
    acmed.deployed(NAME)
    pids = acmed.children()
    engine, keeper = proc_status(pids["acmed-engine"]), proc_status(pids["acmed-keeper"])
    assert set(engine["Uid"].split()) == {"65534"} and set(keeper["Uid"].split()) == {"0"}
    assert int(engine["CapEff"], 16) == 0 and int(engine["CapPrm"], 16) == 0
    chown, dac_override, fowner = 1 << 0, 1 << 1, 1 << 3
    assert int(keeper["CapEff"], 16) == chown | dac_override | fowner
    for s in (engine, keeper):
        assert s["NoNewPrivs"] == "1" and s["Seccomp"] == "2"
    confinement = acmed.ctl("status", "--json").json["daemon"]["confinement"]
    for who in ("engine", "keeper"):
        assert confinement[who]["seccomp"] == "filter" and confinement[who]["no_new_privs"] is True, confinement
    assert confinement["engine"]["landlock_abi"] >= 1 or confinement["engine"].get("widened")


def test_keeper_links_no_library_of_the_engine():
    libraries = subprocess.run(["ldd", BUILD / "libexec/acmed/acmed-keeper"], capture_output=True, text=True).stdout
    assert not [lib for lib in ("libcurl", "libevent", "libpsl") if lib in libraries], libraries


def test_nothing_unknown_is_asked_of_the_kernel(acmed):
    """The filters know every system call that the main job needs."""
    acmed.configure({NAME: {"key": "rsa-2048"}, "b.example.com": {}}).start()
    acmed.deployed(NAME, seconds=60)
    acmed.deployed("b.example.com")
    acmed.renew(NAME)
    for part, facts in acmed.status()["daemon"]["confinement"].items():
        if isinstance(facts, dict):
            assert facts.get("unknown_syscalls", 0) == 0, (part, facts)


def test_descriptors_do_not_pile_up(acmed):
    acmed.configure({NAME: {}}).start()
    acmed.deployed(NAME)
    acmed.renew(NAME)
    pids = [acmed.process.pid, *acmed.children().values()]
    before = [len(os.listdir(f"/proc/{p}/fd")) for p in pids]
    for _ in range(5):
        acmed.renew(NAME)
        acmed.ctl("status")

    def few():
        """A file is being written now and then."""
        after = [len(os.listdir(f"/proc/{p}/fd")) for p in pids]
        assert all(a <= b + 2 for a, b in zip(after, before)), (before, after)
        return True
    wait_for(few, "no more descriptors than before")


def wake_ups(pids):
    """How often each has gone to sleep, all its threads together."""
    n = 0
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            n += int(proc_status(f"{pid}/task/{task}")["voluntary_ctxt_switches"])
    return n


def test_nothing_ticks_when_idle(acmed):
    """The watchdog is off: the next thing to happen is the renewal. The first seconds after the deployment still see the
    status line and connections to the CA come to their end."""
    acmed.configure({NAME: {}}).start()
    acmed.deployed(NAME)
    pids = [acmed.process.pid, *acmed.children().values()]

    def asleep():
        before = wake_ups(pids)
        time.sleep(4)
        return wake_ups(pids) == before

    wait_for(asleep, "all three processes to sleep for 4 s", 60)
