# SPDX-License-Identifier: MIT
"""The control socket and acmectl: who may do what, and how it is said."""

import os
import pathlib
import socket
import subprocess
import sys

import pytest

from conftest import mode, needs_root
from harness.daemon import BUILD, STRANGER
from harness.pki import DAY
from harness.varlink import Varlink, VarlinkError
from harness.wait import wait_for
from test_renew import plant

NAME = "www.example.com"
CONTROL = "org.acmed.Control."


@pytest.fixture
def ready(acmed):
    acmed.configure({NAME: {}, "b.example.com": {}}).start()
    acmed.deployed(NAME)
    acmed.deployed("b.example.com")
    return acmed


@needs_root
@pytest.mark.smoke
def test_a_stranger_reads_and_does_not_command(ready, pebble):
    assert mode(ready.socket) == 0o666
    assert ready.ctl("status", user=STRANGER).code == 0
    assert ready.ctl("show", NAME, user=STRANGER).code == 0
    for words in (["renew", "now", NAME], ["deploy", NAME], ["reload"]):
        r = ready.ctl(*words, user=STRANGER)
        assert r.code == 4, r
    assert "permi" in r.text.lower()
    assert pebble.orders() == 2
    ready.says(str(STRANGER))


@needs_root
def test_captured_output_is_not_for_strangers(acmed, script):
    acmed.configure({NAME: {"hook": script("hook", "echo the secret of the hook\n")}}).start()
    acmed.deployed(NAME)
    assert "the secret of the hook" in acmed.ctl("history", NAME, "--json").out
    r = acmed.ctl("history", NAME, "--json", user=STRANGER)
    assert r.code == 0 and "the secret" not in r.out


@needs_root
def test_control_group(acmed, pebble):
    acmed.configure({NAME: {}}, control_group="daemon").start()
    acmed.deployed(NAME)
    done = subprocess.run([acmed.prefix / "bin/acmectl", "renew", "now", NAME, "--socket", acmed.socket], user=STRANGER, group=STRANGER,
                          extra_groups=[1], cwd="/", capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done
    assert pebble.orders() == 2


def test_introspection(ready):
    with ready.varlink() as v:
        info = v.call("org.varlink.service.GetInfo")
        assert {"org.varlink.service", "org.acmed.Control"} <= set(info["interfaces"])
        assert info["version"]
        text = v.call("org.varlink.service.GetInterfaceDescription", {"interface": "org.acmed.Control"})["description"]
        assert text.startswith("#") and "interface org.acmed.Control" in text and "method Renew" in text
        with pytest.raises(VarlinkError, match="InterfaceNotFound"):
            v.call("org.varlink.service.GetInterfaceDescription", {"interface": "org.example.Nothing"})


def test_named_errors(ready):
    with ready.varlink() as v:
        for method, parameters, error in [
                ("Status", {"names": ["nowhere.example"]}, "org.acmed.Control.NoSuchCertificate"),
                ("Nonsense", {}, "org.varlink.service.MethodNotFound"),
                ("Status", {"names": 7}, "org.varlink.service.InvalidParameter"),
                ("Watch", {}, "org.varlink.service.ExpectedMore")]:
            with pytest.raises(VarlinkError) as e:
                v.call(CONTROL + method, parameters)
            assert e.value.name == error, method
        assert len(v.call(CONTROL + "Status")["certificates"]) == 2, "the connection is still good"


def test_streams(ready):
    with ready.varlink() as v:
        replies = list(v.stream(CONTROL + "Status"))
        assert [c["name"] for r in replies for c in r["certificates"]] == ["b.example.com", NAME]
        progress = [p for r in v.stream(CONTROL + "Renew", {"names": [NAME], "force": True}) for p in r["progress"]]
        assert progress[-1]["outcome"] == "done" and len(progress) > 1
    assert ready.generation(NAME) == 2


def test_watch_follows(ready):
    with ready.varlink() as v:
        seen = v.stream(CONTROL + "Watch", {"names": [NAME]})
        assert next(seen)["certificates"][0]["generation"] == 1
        ready.renew(NAME)
        states = []
        while not states or states[-1] != ("valid", 2):
            c = next(seen)["certificates"][0]
            states.append((c["state"], c["generation"]))
        assert ("ordering", 1) in states


def test_requests_are_bounded(ready):
    for data in (b"x" * 100_000, b'{"method":"org.acmed.Control.Status"' + b" " * 70_000, b"\0", b"garbage\0", b"\xff\xfe\0",
                 b'{"method":' + b"[" * 5000 + b"\0", b'{"method":"a.B","method":"c.D"}\0'):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(15)
            s.connect(str(ready.socket))
            try:
                s.sendall(data)
                s.recv(65536)
            except (BrokenPipeError, ConnectionResetError):
                pass
    assert ready.ctl("status").code == 0


def test_silent_clients_do_not_keep_others_out(ready):
    idle = []
    for _ in range(150):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(5)
        try:
            s.connect(str(ready.socket))
            s.sendall(b"{")
        except OSError:
            pass
        idle.append(s)
    assert ready.ctl("status").code == 0
    for s in idle:
        s.close()


def test_a_reader_that_never_drains_is_harmless(ready):
    with Varlink(ready.socket) as v:
        for _ in range(300):
            try:
                v.socket.settimeout(1)
                v.send(CONTROL + "Status")
            except OSError:
                break
        assert ready.ctl("status").code == 0


def test_status_in_its_forms(ready):
    r = ready.ctl("status")
    assert r.code == 0 and NAME in r.out and "valid" in r.out
    assert all(len(line) <= 80 for line in r.out.splitlines()) and "\x1b" not in r.out
    assert [c["name"] for c in ready.ctl("status", "--json").json["certificates"]] == ["b.example.com", NAME]
    assert [c["name"] for c in ready.ctl("status", NAME, "--json").json["certificates"]] == [NAME]
    assert ready.ctl("status", "--check").code == 0
    assert ready.ctl("status", "nowhere.example").code in (1, 2)
    show = ready.ctl("show", NAME).out
    leaf = ready.leaf(NAME)
    for part in (NAME, "ecdsa-p256", "Pebble", f"{leaf.serial_number:x}"[-6:]):
        assert part in show or part.upper() in show, show


def test_daemon_away(acmed):
    r = acmed.ctl("status")
    assert r.code == 3
    assert str(acmed.socket) in r.text


def test_usage(acmed):
    for words in (["nonsense"], ["show"], ["status", "--nonsense"], ["deploy"]):
        assert acmed.ctl(*words).code == 2, words
    assert acmed._run([acmed.prefix / "bin/acmectl", "-h"]).code == 0


def test_history(ready):
    ready.renew(NAME)
    events = ready.ctl("history", NAME, "--json").events
    assert [e["event"] for e in events if e["event"] == "issued"] == ["issued"] * 2
    assert all(e["name"] == NAME for e in events)
    assert sorted(e["at"] for e in events) == [e["at"] for e in events]
    assert NAME in ready.ctl("history").out


def test_a_stale_socket_is_replaced(acmed):
    s = socket.socket(socket.AF_UNIX)
    s.bind(str(acmed.socket))
    s.close()
    acmed.own(acmed.socket)
    acmed.configure({NAME: {}}).start()
    assert acmed.ctl("status").code == 0


def test_more_than_twenty_need_a_confirmation(acmed, authority, pebble):
    """Nobody renews a whole fleet by leaving out a name."""
    names = [f"n{i:02}.example.com" for i in range(21)]
    for n in names:
        plant(acmed, authority, [n], 2 * DAY, 90 * DAY)
    acmed.configure({n: {} for n in names}).start()
    r = acmed.ctl("renew", "now")
    assert r.code == 2 and "--all" in r.text and "21" in r.text, r
    assert pebble.orders() == 0


def test_json_is_the_interfaces_own(ready):
    with ready.varlink() as v:
        certificate = v.call(CONTROL + "Status", {"names": [NAME]})["certificates"][0]
    text = open(os.path.join(os.path.dirname(__file__), "../../lib/org.acmed.Control.varlink")).read()
    body = text.split("type Certificate (", 1)[1].split("\n)", 1)[0]
    fields = {line.split(":")[0].strip() for line in body.splitlines() if ":" in line}
    assert set(certificate) <= fields
    assert fields - set(certificate) <= {"issuer", "serial", "reason", "last_error"}, "only optional ones may be left out"


STRANGERS_WAY = """
import os, socket, sys, time
path, way, uid = sys.argv[1], sys.argv[2], int(sys.argv[3])
os.setgid(uid); os.setuid(uid)
open_ = []
for _ in range(30):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    s.sendall(b'{"method":"org.acmed.Control.Status"}\\0')
    open_.append(s)
    last = b""
    while way != "nothing" and not last.endswith(b"\\0"):
        last = s.recv(65536)
        if way == "a-part":
            break
print("asked", flush=True)
time.sleep(600)
"""


@needs_root
@pytest.mark.slow
@pytest.mark.parametrize("way", ["nothing", "a-part", "all"])
def test_answers_to_strangers_take_a_bounded_memory(acmed, ending, way):
    """One asks for all of 8,000 certificates again and again, 6 MiB each, and stays. Others are answered."""
    acmed.configure({f"host{i}.example.com": {"ca": "letsencrypt"} for i in range(8000)}, log_level="info").start()
    engine = acmed.children()["acmed-engine"]

    def resident():
        status = pathlib.Path(f"/proc/{engine}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) // 1024

    acmed.status()
    before = resident()
    stranger = subprocess.Popen([sys.executable, "-c", STRANGERS_WAY, str(acmed.socket), way, str(STRANGER)], stdout=subprocess.PIPE, text=True)
    ending(lambda: (stranger.kill(), stranger.wait()))
    assert stranger.stdout.readline() == "asked\n"
    if way != "all":
        wait_for(lambda: acmed.text().count("has not read the whole of its answer") > 15, "the oldest to give way", 120)
        assert f"uid {STRANGER}, pid {stranger.pid}, has not read the whole of its answer in" in acmed.text()
    assert len(acmed.status()["certificates"]) == 8000
    if BUILD.name != "asan":  # what is freed stays in its quarantine
        assert resident() - before < 140, (before, resident())
