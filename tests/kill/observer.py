# SPDX-License-Identifier: MIT
"""Looks at a state directory from outside, all the time, as a web server and a curious neighbour would.

usage: observer.py STATE_DIR REPORT NAME...

Until SIGTERM; then REPORT holds JSON: what was wrong (L1, L5), how often it looked, and every command line and
environment that a process of acmed's had."""

import json
import os
import pathlib
import re
import signal
import sys
import time

from cryptography import x509
from cryptography.hazmat.primitives import serialization

FILES = ("privkey.pem", "cert.pem", "chain.pem", "fullchain.pem", "haproxy.pem")
PRIVATE = b"PRIVATE KEY"


class Wrong(Exception):
    pass


def public(thing):
    """Comparable: what has public_key()."""
    return thing.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


class Lineage:
    """live/NAME: once it resolved it must always resolve, to a generation that is whole, matches, never changes."""

    def __init__(self, state, name):
        self.link, self.name = state / "live" / name, name
        self.known = {}  # number: the stamps of its files
        self.newest = 0

    def look(self):
        try:
            target = os.readlink(self.link)
        except FileNotFoundError:
            if self.newest:
                raise Wrong(f"{self.name}: live/ is gone, it was generation {self.newest}") from None
            return
        m = re.fullmatch(rf"\.\./certs/{re.escape(self.name)}/([1-9]\d*)", target)
        if not m:
            raise Wrong(f"{self.name}: live/ points to {target}")
        number = int(m.group(1))
        if number < self.newest:
            raise Wrong(f"{self.name}: live/ went back from generation {self.newest} to {number}")
        self.newest = number
        # As a program does that opened the directory: what it reads belongs together.
        d = os.open(self.link.parent / target, os.O_RDONLY | os.O_DIRECTORY)
        try:
            stamps = [self.stamp(d, f) for f in FILES]
            if number not in self.known:
                self.examine(d, number)
                self.known[number] = stamps
            elif self.known[number] != stamps:
                raise Wrong(f"{self.name}: files of generation {number} were changed")
        except FileNotFoundError as e:
            raise Wrong(f"{self.name}: generation {number} is live without {e.filename}") from None
        finally:
            os.close(d)

    @staticmethod
    def stamp(d, file):
        s = os.stat(file, dir_fd=d, follow_symlinks=False)
        return s.st_ino, s.st_size, s.st_mtime_ns, s.st_mode, s.st_uid

    def examine(self, d, number):
        data = {}
        for f in FILES:
            with open(os.open(f, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=d), "rb") as opened:
                data[f] = opened.read()
                mode = os.fstat(opened.fileno()).st_mode & 0o7777
            if mode != (0o600 if PRIVATE in data[f] else 0o644):
                raise Wrong(f"{self.name}: {f} of generation {number} has mode {mode:o}")
        try:
            key = serialization.load_pem_private_key(data["privkey.pem"], None)
            leaf = x509.load_pem_x509_certificate(data["fullchain.pem"])
        except ValueError as e:
            raise Wrong(f"{self.name}: generation {number} cannot be read: {e}") from None
        if public(key) != public(leaf):
            raise Wrong(f"{self.name}: key and certificate of generation {number} do not match")
        if data["fullchain.pem"] != data["cert.pem"] + data["chain.pem"] or not data["chain.pem"]:
            raise Wrong(f"{self.name}: fullchain.pem of generation {number} is not cert.pem and chain.pem")
        if data["haproxy.pem"] != data["fullchain.pem"] + data["privkey.pem"]:
            raise Wrong(f"{self.name}: haproxy.pem of generation {number} is not fullchain.pem and privkey.pem")


def look_at_modes(state):
    """No key lies where others may read it, not in the unfinished files either."""
    for folder, _, files in os.walk(state):
        for f in files:
            path = os.path.join(folder, f)
            try:
                with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as opened:
                    if os.fstat(opened.fileno()).st_mode & 0o077 and PRIVATE in opened.read():
                        raise Wrong(f"others may read the key in {path}")
            except OSError:
                continue  # gone, or renamed


def look_at_processes(seen):
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/comm") as f:
                if not f.read().startswith("acmed"):
                    continue
            for part in ("cmdline", "environ"):
                with open(f"/proc/{entry}/{part}", errors="replace") as f:
                    seen.add(f.read())
        except OSError:
            continue


def main():
    state, report, names = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:]
    lineages = [Lineage(state, n) for n in names]
    wrong, processes, looks = [], set(), 0
    ended = []
    signal.signal(signal.SIGTERM, lambda *unused: ended.append(True))
    report.with_suffix(".ready").touch()
    while not ended and len(wrong) < 20:
        for x in lineages:
            try:
                x.look()
            except Wrong as e:
                wrong.append(str(e))
        looks += 1
        if looks % 20 == 0:
            try:
                look_at_modes(state)
            except Wrong as e:
                wrong.append(str(e))
            look_at_processes(processes)
        time.sleep(0.001)
    report.write_text(json.dumps({"wrong": wrong, "looks": looks, "processes": sorted(processes),
                                  "generations": sum(len(x.known) for x in lineages)}))


main()
