# SPDX-License-Identifier: MIT
"""The CA of a test: a Pebble of its own, and the DNS it asks."""

import http.client
import json
import os
import pathlib
import re
import socket
import ssl
import urllib.request

from .net import free_port, listens
from .pki import Authority, pem, pem_key
from .process import Process, run
from .wait import wait_for

# One in 256: it has a zero octet in front in DER, which a certificate's identifier keeps (RFC 9773 section 4.1). Pebble answers `replaces` with 500 then.
SERIAL_NOT_FOUND = "Pebble does not find what is replaced by this serial number"

PEBBLE = pathlib.Path(os.environ.get("ACMED_PEBBLE", pathlib.Path(__file__).parents[3] / "build/pebble/usr/bin"))


class Dns:
    """pebble-challtestsrv: every name is 127.0.0.1."""

    def __init__(self, directory, address="127.0.0.1", port=None):
        self.port = port or free_port()
        self.address = f"{address}:{self.port}"
        self.management = free_port()
        known = run([PEBBLE / "pebble-challtestsrv", "-help"]).stderr
        # Versions differ in how they call it.
        where = "-dnsserver" if "-dnsserver" in known else "-dns01"
        argv = [PEBBLE / "pebble-challtestsrv", where, self.address, "-http01", "", "-https01", "", "-tlsalpn01", "",
                *(["-doh", ""] if "-doh" in known else []), "-management", f"127.0.0.1:{self.management}", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""]
        self.process = Process(argv, directory / "dns.log")
        wait_for(lambda: listens(self.management) and self.answers(), "the DNS of the tests")

    def answers(self):
        """Its two servers begin one after the other."""
        address, port = self.address.split(":")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(1)
            s.connect((address, int(port)))
            s.send(bytes.fromhex("00010100000100000000000004746573740000010001"))  # the address of "test"
            return s.recv(512)

    def set(self, name, *addresses):
        """IPv4 addresses of this name."""
        body = json.dumps({"host": name + ".", "addresses": addresses}).encode()
        urllib.request.urlopen(f"http://127.0.0.1:{self.management}/add-a", body, timeout=10).close()

    def stop(self):
        self.process.stop()


class Pebble:
    """validity: seconds that its certificates live. env: PEBBLE_..., over the defaults of Pebble itself."""

    path = "/dir"

    def __init__(self, directory, dns, http_port, names=("localhost", "acme.test", "127.0.0.1"), validity=None, env=None,
                 **config):
        self.directory = directory
        directory.mkdir(exist_ok=True)
        self.port, self.management = free_port(), free_port()
        self.authority = Authority("CA of the CA")
        certificate, key = self.authority.issue(list(names))
        (directory / "https.pem").write_bytes(pem(certificate))
        (directory / "https.key").write_bytes(pem_key(key))
        self.roots = directory / "roots"
        self.roots.mkdir(exist_ok=True)
        self.ca_file = self.authority.write(self.roots / "ca.pem")
        settings = {
            "listenAddress": f"127.0.0.1:{self.port}", "managementListenAddress": f"127.0.0.1:{self.management}",
            "certificate": str(directory / "https.pem"), "privateKey": str(directory / "https.key"),
            "httpPort": http_port, "tlsPort": free_port(), "ocspResponderURL": "", "externalAccountBindingRequired": False, **config}
        if validity:
            settings["certificateValidityPeriod"] = validity
            settings["profiles"] = {"default": {"description": "of the test", "validityPeriod": validity}}
        (directory / "pebble.json").write_text(json.dumps({"pebble": settings}))
        self.dns = dns
        self.env = {"PEBBLE_VA_NOSLEEP": "1", **(env or {})}
        self.process = None
        self.start()

    def start(self):
        argv = [PEBBLE / "pebble", "-config", self.directory / "pebble.json", "-dnsserver", self.dns.address]
        self.process = Process(argv, self.directory / "pebble.log", env=self.env)
        wait_for(self.listens, "Pebble")

    def listens(self):
        assert self.process.running(), f"Pebble ended: {self.process.text()[-500:]}"
        return listens(self.port) and listens(self.management)

    def stop(self):
        if self.process:
            self.process.stop()
            self.process = None

    @property
    def directory_url(self):
        return f"https://127.0.0.1:{self.port}{self.path}"

    @property
    def log(self):
        return (self.directory / "pebble.log").read_text(errors="replace")

    def orders(self):
        """How many orders were really placed: what bounced off with badNonce is not counted."""
        return len(re.findall(r"Added order ", self.log))

    def suggest(self, leaf, start, end, explanation=None):
        """What renewal information says of this certificate from now on; start and end: datetimes."""
        window = {k: t.strftime("%Y-%m-%dT%H:%M:%SZ") for k, t in (("start", start), ("end", end))}
        answer = {"suggestedWindow": window, **({"explanationURL": explanation} if explanation else {})}
        body = json.dumps({"Certificate": pem(leaf).decode(), "ARIResponse": json.dumps(answer)})
        context = ssl.create_default_context(cafile=str(self.ca_file))
        c = http.client.HTTPSConnection("127.0.0.1", self.management, context=context, timeout=30)
        c.request("POST", "/set-renewal-info/", body=body, headers={"Content-Type": "application/json", "User-Agent": "test"})
        reply = c.getresponse()
        assert reply.status == 200, (reply.status, reply.read())
        c.close()

    def certificates(self):
        return len(re.findall(r"Issued certificate serial", self.log))
