# SPDX-License-Identifier: MIT
"""Authoritative DNS servers: Knot, each at port 53 of a loopback address of its own (needs root)."""

import os
import socket
import subprocess

from .process import Process
from .servers import program
from .wait import wait_for

_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
_next = 0


def free_address():
    """A loopback address whose port 53 nobody has."""
    global _next
    while True:
        _next += 1
        address = f"127.{60 + _WORKER}.{os.getppid() % 250}.{_next % 250 + 1}"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            try:
                s.bind((address, 53))
                return address
            except OSError:
                continue


class Knot:
    """zones: {name: lines of its zone file besides SOA and NS}; servers: {name of a server of all zones: its address}; enter: argv put before
    programs, for one in a namespace."""

    SECRET = "c2VjcmV0IG9mIHRoZSB0ZXN0cyBvZiBhY21lZCEhISE="

    def __init__(self, directory, ip, zones, servers, enter=()):
        directory.mkdir()
        self.ip, self.address, self.zones, self.enter = ip, f"{ip}:53", list(zones), list(enter)
        self.key = directory / "tsig.key"
        self.key.write_text(f'key "acmed" {{ algorithm hmac-sha256; secret "{self.SECRET}"; }};\n')
        self.key.chmod(0o600)
        text = f"""
server:
    listen: {ip}@53
    rundir: {directory}
    pidfile: {directory}/knot.pid
database:
    storage: {directory}
log:
  - target: stderr
    any: info
key:
  - id: acmed
    algorithm: hmac-sha256
    secret: {self.SECRET}
acl:
  - id: update
    key: acmed
    action: update
zone:
"""
        for zone, lines in zones.items():
            file = directory / f"{zone}.zone"
            ns = "".join(f"@ NS {name}\n" for name in servers)
            inside = "".join(f"{name} A {address}\n" for name, address in servers.items() if name.endswith(f".{zone}."))
            file.write_text(f"$ORIGIN {zone}.\n$TTL 1\n@ SOA ns1 hostmaster 1 3600 600 86400 1\n{ns}{inside}" + "\n".join(lines) + "\n")
            text += f"  - domain: {zone}\n    file: {file}\n    acl: update\n    zonefile-sync: -1\n    journal-content: none\n    zonefile-load: whole\n    semantic-checks: off\n"
        self.conf = directory / "knot.conf"
        self.conf.write_text(text)
        self.process = Process([*self.enter, program("knotd"), "-c", self.conf], directory / "knot.log")
        wait_for(self.answers, "the authoritative DNS server")

    def answers(self):
        assert self.process.running(), "knotd ended"
        return all(self.ask("SOA", z) for z in self.zones)

    def ask(self, type_, name):
        """What it has. An OSError: it has not answered, which says nothing."""
        done = subprocess.run([*self.enter, "dig", f"@{self.ip}", "+short", "+time=5", "+tries=1", "+norec", name, type_], capture_output=True, text=True)
        if done.returncode != 0:
            raise ConnectionError(done.stdout)
        return [line.strip('"') for line in done.stdout.splitlines() if line and not line.startswith(";")]

    def update(self, *commands):
        """nsupdate's commands."""
        text = f"server {self.ip} 53\n" + "\n".join(commands) + "\nsend\n"
        subprocess.run([*self.enter, "nsupdate", "-k", self.key], input=text, text=True, check=True, timeout=30, capture_output=True)

    def stop(self):
        self.process.stop()
