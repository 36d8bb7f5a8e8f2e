# SPDX-License-Identifier: MIT
"""acmed as a test runs it: its own configuration, state, socket and ports."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import unittest

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from .ca import SERIAL_NOT_FOUND
from .net import free_port
from .process import Process, alive, children
from .varlink import Varlink
from .wait import PATIENCE, wait_for

BUILD = pathlib.Path(os.environ.get("ACMED_BUILD", pathlib.Path(__file__).parents[3] / "build/dev"))
ROOT = os.geteuid() == 0
STRANGER = 54321  # a uid that owns nothing here


def copy_programs(prefix):
    """The programs in a place that every user can reach, as installed ones are."""
    for name in ("sbin/acmed", "bin/acmectl", "libexec/acmed/acmed-keeper", "libexec/acmed/acmed-engine", "libexec/acmed/acme.sh-dnsapi"):
        target = prefix / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(BUILD / name, target)
        target.chmod(0o755)
    for d in (prefix, *(p for p in prefix.rglob("*") if p.is_dir())):
        d.chmod(0o755)
    return prefix


class Result:
    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    @property
    def text(self):
        return self.out + self.err

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def events(self):
        """Of `history --json`: an event a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    def __repr__(self):
        return f"exit {self.code}\n{self.text}"


class Acmed:
    """user: the uid to run everything as (None: the caller's). wrapper: argv put before the daemon's."""

    def __init__(self, prefix, directory, ca=None, http_port=None, user=None, wrapper=()):
        self.prefix, self.directory, self.user, self.wrapper = prefix, directory, user, list(wrapper)
        self.ca = ca
        self.http_port = http_port or free_port()
        self.state, self.socket, self.conf = directory / "state", directory / "run" / "acmed.sock", directory / "acmed.conf"
        self.log = directory / "acmed.log"
        self.process = None
        (directory / "run").mkdir(exist_ok=True)
        self.own(directory, directory / "run")

    def own(self, *paths):
        for p in paths:
            if self.user is not None:
                os.chown(p, self.user, self.user)

    # -- configuration ------------------------------------------------------------------------------------------

    def configure(self, certificates=None, ca=None, raw="", **acmed):
        """certificates: {name: {key: value}}; a list is a key that is repeated. ca, acmed: over the defaults; None removes a key."""
        top = {"contact": "admin@example.com", "agree_terms": "yes", "state_dir": self.state, "control_socket": self.socket,
               "http_listen": f"127.0.0.1:{self.http_port}", "log_level": "debug", "max_orders": 8}
        if ROOT and self.user is None:
            top["user"] = "nobody"
        authority = {}
        if self.ca:
            authority = {"directory": self.ca.directory_url, "ca_file": self.ca.ca_file}
        text = self.section("acmed", {**top, **acmed})
        if authority or ca:
            text += self.section("ca pebble", {**authority, **(ca or {})})
        for name, keys in (certificates or {}).items():
            text += self.section(f"certificate {name}", {"ca": "pebble", **keys})
        self.write(text + raw)
        return self

    @staticmethod
    def section(name, keys):
        lines = [f"[{name}]"]
        for key, value in keys.items():
            for v in value if isinstance(value, list) else [value]:
                if v is not None:
                    lines.append(f"{key} = {v}")
        return "\n".join(lines) + "\n\n"

    def write(self, text):
        """As an editor does: a new file, renamed over the old one."""
        new = self.conf.with_suffix(".new")
        new.write_text(text)
        new.chmod(0o644)
        self.own(new)
        new.rename(self.conf)

    # -- life ---------------------------------------------------------------------------------------------------

    @property
    def program(self):
        return self.prefix / "sbin/acmed"

    def start(self, ready=True, umask=-1):
        argv = [*self.wrapper, self.program, "-f", "-c", self.conf]
        self.process = Process(argv, self.log, user=self.user, cwd="/", umask=umask)
        if ready:
            wait_for(self.answers, "the control socket of acmed")
        return self

    def answers(self):
        """Status, of this very daemon: one that was killed may have left an engine that answers for a moment more."""
        if not self.process.running():
            raise AssertionError(f"acmed ended with {self.process.popen.returncode}:\n{self.text()}")
        with Varlink(self.socket, timeout=20) as v:
            status = v.call("org.acmed.Control.Status")
        return status if status["daemon"]["pid"] == self.process.pid else None

    def stop(self, number=signal.SIGTERM):
        return self.process.stop(number, 30 * PATIENCE)

    def kill(self):
        """Ends all its processes at once, without a word."""
        below = self.children()
        self.process.stop(signal.SIGKILL)
        for pid in below.values():
            wait_for(lambda pid=pid: not alive(pid), f"process {pid} to follow its supervisor")

    def children(self):
        return {name: pid for name, pid in children(self.process.pid).items() if name.startswith("acmed")}

    def end(self):
        if self.process and self.process.running():
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                pass

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def says(self, *words, seconds=20):
        """Keeper and engine say it by way of the supervisor, which may be behind with it: what status shows need not be in the log yet."""
        for w in words:
            wait_for(lambda w=w: w in self.text(), f"acmed to say {w!r}", seconds)

    def check(self, user=None):
        """acmed -t"""
        return self._run([self.program, "-t", "-c", self.conf], user if user is not None else self.user)

    # -- commands -----------------------------------------------------------------------------------------------

    def ctl(self, *words, user=None, timeout=120):
        argv = [self.prefix / "bin/acmectl", *words, "--socket", self.socket]
        return self._run(argv, self.user if user is None else user, timeout)

    @staticmethod
    def _run(argv, user=None, timeout=60):
        ids = {"user": user, "group": user, "extra_groups": []} if user is not None else {}
        done = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd="/",
                              timeout=timeout * PATIENCE, env={**os.environ, "NO_COLOR": "1"}, **ids)
        return Result(done)

    def varlink(self, timeout=60):
        return Varlink(self.socket, timeout)

    # -- what is so ---------------------------------------------------------------------------------------------

    def status(self, name=None):
        """All of Status; with a name that certificate alone."""
        with self.varlink() as v:
            reply = v.call("org.acmed.Control.Status", {"names": [name]} if name else {})
        return reply["certificates"][0] if name else reply

    def failed(self, name, seconds=30):
        """Waits until an attempt has failed; the status."""
        def done():
            c = self.status(name)
            return c["last_error"] and c["state"] != "ordering" and c
        return wait_for(done, f"an error of {name} to be shown", seconds)

    def told(self, name):
        """What an administrator reads about it, on one line."""
        return " ".join((self.ctl("status").text + self.ctl("show", name).text).split())

    def journal(self, name):
        """What the next start would know. Status tells of an outcome before it is on disk."""
        return json.loads((self.state / f"state/{name}.json").read_text())

    def live(self, name, file=""):
        return self.state / "live" / name / file

    def generation(self, name):
        """The live one's number; 0: none."""
        link = self.state / "live" / name
        return int(os.readlink(link).rsplit("/", 1)[1]) if link.is_symlink() else 0

    def leaf(self, name):
        return x509.load_pem_x509_certificate(self.live(name, "cert.pem").read_bytes())

    def issued(self, name, generation=1, seconds=30):
        """Waits until this generation, or a later one, is live; its leaf."""
        wait_for(lambda: self.generation(name) >= generation, f"generation {generation} of {name}", seconds)
        return self.leaf(name)

    def deployed(self, name, generation=1, seconds=30):
        """Waits until all is done for this generation."""
        def done():
            c = self.status(name)
            return c["generation"] >= generation and c["deploy"]["generation"] == c["generation"] and c["deploy"]["step"] == "done" and c
        return wait_for(done, f"{name} to be deployed", seconds)

    def state_is(self, name, state, seconds=30):
        return wait_for(lambda: (c := self.status(name))["state"] == state and c, f"{name} to be {state}", seconds)

    def renew(self, *names, force=True, code=0):
        r = self.ctl("renew", "now", *names, *(["--force"] if force else []))
        if code == 0 and r.code == 1 and "could not find an order for the given certificate" in r.text:
            raise unittest.SkipTest(SERIAL_NOT_FOUND)  # a request was lost before, so that acmed does not repeat it without `replaces` at once
        assert r.code == code, r
        return r


def wait_of(status):
    """Seconds from the last failure to what comes next."""
    return status["next_at"] - status["last_error"]["at"]


def key_matches(directory):
    """The private key of a generation belongs to its certificate."""
    key = serialization.load_pem_private_key((directory / "privkey.pem").read_bytes(), None)
    leaf = x509.load_pem_x509_certificate((directory / "cert.pem").read_bytes())
    return key.public_key().public_numbers() == leaf.public_key().public_numbers()
