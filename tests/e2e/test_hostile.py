# SPDX-License-Identifier: MIT
"""An engine that was taken over (tests/hostile) gets nothing out of keeper, supervisor and kernel, and ends neither."""

import contextlib
import json
import os
import re
import shutil
import socket

import pytest

from conftest import needs_root
from harness.daemon import BUILD
from harness.pki import Authority, pem
from harness.wait import wait_for

NAME = "www.example.com"
CA = {"directory": "https://ca.test:14000/dir"}
WIDE = BUILD.name in ("asan", "coverage")


class Hostile:
    def __init__(self, acmed):
        self.acmed, self.libexec = acmed, acmed.prefix / "libexec/acmed"
        self.real = self.libexec / "real"
        (self.libexec / "acmed-engine").rename(self.real)
        shutil.copy2(BUILD / "tests/hostile/hostile-engine", self.libexec / "acmed-engine")

    def start(self, orders):
        (self.libexec / "orders").write_text(orders + "\n")
        self.acmed.start(ready=False)
        return self

    def restore(self):
        self.real.replace(self.libexec / "acmed-engine")

    def refused(self, at_least):
        """All was tried and refused; then the true engine comes back to a daemon that is well."""
        self.acmed.says("attempts are over", seconds=60)
        text = self.acmed.text()
        assert "GRANTED" not in text, re.findall(".*GRANTED.*", text)
        assert len(re.findall(r"attempt .*: refused", text)) >= at_least
        assert len(self.acmed.children()) == 2, "both are alive"


@pytest.fixture
def hostile(make_acmed, prefix, place):
    own = place / "programs"
    shutil.copytree(prefix, own)
    acmed = make_acmed()
    acmed.prefix = own
    return Hostile(acmed)


def recovers(hostile):
    """With its own engine the daemon serves again, without having been started anew."""
    hostile.restore()
    engine = hostile.acmed.children().get("acmed-engine")
    if engine:
        with contextlib.suppress(ProcessLookupError):  # it may just have been ended
            os.kill(engine, 9)
    wait_for(lambda: os.path.exists(hostile.acmed.socket) and serves(hostile.acmed), "the true engine", 30)
    assert hostile.acmed.stop() == 0


def serves(acmed):
    try:
        return acmed.answers()
    except OSError:
        return None


def configure(hostile, **keys):
    hostile.acmed.configure({NAME: {"ca": "test", **keys}}, raw="", log_level="info")
    text = hostile.acmed.conf.read_text() + hostile.acmed.section("ca test", {**CA, "staging": "trial"})
    text += hostile.acmed.section("ca trial", {"directory": "https://trial.test:14000/dir"})
    hostile.acmed.write(text)


def test_keeper_refuses(hostile, place):
    webroot = place / "html"
    webroot.mkdir()
    configure(hostile, webroot=webroot)
    authority = Authority("a foreign CA")
    certificate, _ = authority.issue([NAME])
    (hostile.libexec / "chain.pem").write_bytes(pem(certificate))
    hostile.start("ask-keeper").refused(102)
    assert "what is asked properly is answered" in hostile.acmed.text()
    assert "a file that is asked for properly is made and removed" in hostile.acmed.text()
    assert [p for p in webroot.rglob("*") if not p.is_dir()] == []
    state = hostile.acmed.state
    assert sorted(os.listdir(state / "accounts")) == ["test"]
    assert os.listdir(state / "live") == [] and os.listdir(state / "certs") == [NAME]
    recovers(hostile)


def test_no_grant_is_to_be_had(hostile):
    """What destroys or reveals needs a person's own unread words, whatever connection the engine shows."""
    configure(hostile)
    hostile.start("ask-grants")

    def client(n, *calls):
        wait_for(lambda: hostile.acmed.text().count("a client may come") == n, f"client {n}'s turn")
        s = socket.socket(socket.AF_UNIX)
        s.connect(str(hostile.acmed.socket))
        for call in calls:
            s.sendall(json.dumps(call).encode() + b"\0")
        return s

    clients = [client(1), client(2, {"method": "org.acmed.Control.Status"}),
               client(3, {"method": "org.acmed.Control.Rollback", "parameters": {"name": NAME}})]
    hostile.refused(29)
    assert "asks for rollback of www.example.com" in hostile.acmed.text()
    for c in clients:
        c.close()
    recovers(hostile)


def test_supervisor_refuses(hostile, place, script):
    marker, records = place / "marker", place / "records"
    configure(hostile, hook=script("hook", f"env >> {marker}\n"), challenge="dns-01", dns_hook=f"exec:{script('dns-hook', f'echo $1 $2 >> {records}')}",
              dns_delegation="acme.example.net")
    hostile.start("ask-supervisor").refused(78)
    assert "a record that is asked for properly is set" in hostile.acmed.text()
    assert records.read_text() == "present of.acme.example.net\n"
    wait_for(lambda: "forged on stderr" in hostile.acmed.text(), "what was written to stderr")
    assert not marker.exists()
    lines = hostile.acmed.log.read_bytes().decode("utf-8").split("\n")
    for line in lines[:-1]:
        assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S+: \w+: ", line), line[:200]
        assert len(line) < 3400
        assert not re.search(r"[\x00-\x1f\x7f-\x9f]", line), line[:200]
    recovers(hostile)


@pytest.mark.parametrize("way", ["oversized", "no-type", "too-few-fields", "too-many-fields", "nul-inside", "beyond-frame",
                                 "others-words", "descriptors"])
@pytest.mark.parametrize("victim", ["keeper", "supervisor"])
def test_who_breaks_the_protocol_is_ended(hostile, victim, way):
    configure(hostile)
    hostile.start(f"{victim}:{way}")
    hostile.acmed.says("are started again in 0.1 s")
    recovers(hostile)
    assert "GRANTED" not in hostile.acmed.text()


def listen(place):
    s = socket.socket(socket.AF_UNIX)
    path = place / "stranger.sock"
    s.bind(str(path))
    path.chmod(0o666)
    s.listen()
    return s


@pytest.mark.skipif(WIDE, reason="the sanitizers' sandbox is wider")
def test_nothing_gets_out_of_the_sandbox(hostile, place):
    configure(hostile)
    state = hostile.acmed.state
    hostile.start("ask-keeper")
    hostile.acmed.says("attempts are over", seconds=60)  # and there are keys to be had
    assert (state / "accounts/test/key.pem").exists()
    assert list((state / "certs" / NAME / "pending").iterdir())
    hostile.acmed.stop()
    hostile.acmed.log.unlink()
    with listen(hostile.libexec):
        hostile.start("escape").refused(24)
    assert "its own journal is writable" in hostile.acmed.text()
    assert "NOT CONFINED" not in hostile.acmed.text()
    recovers(hostile)


@needs_root
@pytest.mark.skipif(WIDE, reason="the sanitizers' sandbox is wider")
@pytest.mark.parametrize("way", ["exec", "ptrace"])
def test_what_no_engine_does_ends_it(hostile, way):
    configure(hostile)
    hostile.start(way)
    hostile.acmed.says("it made a system call that is forbidden to it")
    assert "GRANTED" not in hostile.acmed.text()
    recovers(hostile)
