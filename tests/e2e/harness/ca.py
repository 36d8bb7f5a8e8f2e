# SPDX-License-Identifier: MIT
"""The CA of a test: a Pebble of its own, the DNS it asks, and a proxy that counts, holds and breaks."""

import http.client
import http.server
import json
import os
import pathlib
import re
import socket
import ssl
import threading

from .net import free_port, listens
from .pki import Authority, pem, pem_key
from .process import Process, run
from .wait import wait_for

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
        wait_for(lambda: listens(self.management), "the DNS of the tests")

    def stop(self):
        self.process.stop()


class Pebble:
    """validity: seconds that its certificates live. env: PEBBLE_..., over the defaults of Pebble itself."""

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
        wait_for(lambda: listens(self.port) and listens(self.management), "Pebble")

    def stop(self):
        if self.process:
            self.process.stop()
            self.process = None

    @property
    def directory_url(self):
        return f"https://127.0.0.1:{self.port}/dir"

    @property
    def log(self):
        return (self.directory / "pebble.log").read_text(errors="replace")

    def orders(self):
        """How many orders were really placed: what bounced off with badNonce is not counted."""
        return len(re.findall(r"Added order ", self.log))

    def certificates(self):
        return len(re.findall(r"Issued certificate serial", self.log))


class Hold:
    """One request that the proxy does not let through (before), or whose reply it keeps (after), until release();
    drop(): the request, or its reply, is lost."""

    def __init__(self, path, after):
        self.path, self.after = path, after
        self.dropped = False
        self.reached, self.released = threading.Event(), threading.Event()

    def wait(self, seconds=30):
        assert self.reached.wait(seconds), f"no request for {self.path} came"

    def release(self):
        self.released.set()

    def drop(self):
        self.dropped = True
        self.released.set()


class Proxy:
    """In front of Pebble, under a name and certificate of the same authority. Host is handed on, so the URLs that Pebble
    makes lead through the proxy. on_request(path, body, connection) sees what comes before Pebble does,
    on_reply(path, body, status, headers, data) what Pebble said before acmed does; both in threads of the proxy's."""

    def __init__(self, pebble):
        self.pebble = pebble
        self.port = free_port()
        self.holds, self.faults, self.requests = [], [], []
        self.on_request = self.on_reply = None
        self.lock = threading.Lock()
        self.server = None
        self.start()

    @property
    def directory_url(self):
        return f"https://127.0.0.1:{self.port}/dir"

    def hold(self, path, after=False):
        h = Hold(path, after)
        with self.lock:
            self.holds.append(h)
        return h

    def answer(self, path, status, problem=None, headers=None, times=1):
        """The next `times` requests for path get this reply, and Pebble does not hear of them."""
        with self.lock:
            self.faults.append([path, status, problem, headers or {}, times])

    def count(self, path):
        """Requests for path that the CA accepted."""
        with self.lock:
            return sum(p.startswith(path) and 200 <= s < 300 for _, p, s in self.requests)

    def start(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pebble.directory / "https.pem", self.pebble.directory / "https.key")
        proxy = self

        class Handler(_Handler):
            owner = proxy

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def get_request(self):
                raw, address = self.socket.accept()
                raw.settimeout(60)
                with proxy.lock:
                    proxy.connections.append(raw)
                return context.wrap_socket(raw, server_side=True, do_handshake_on_connect=False), address

            def handle_error(self, request, client_address):
                pass

        self.connections = []
        self.server = Server(("127.0.0.1", self.port), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def stop(self):
        """Gone: nothing listens, connections are cut."""
        if not self.server:
            return
        with self.lock:
            for h in self.holds:
                h.drop()
        self.server.shutdown()
        self.server.server_close()
        for c in self.connections:
            try:
                c.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.server = None

    def take_fault(self, path, body):
        with self.lock:
            return self.find_fault(path, body)

    def find_fault(self, path, body):
        for f in self.faults:
            if path.startswith(f[0]) and f[4] > 0:
                f[4] -= 1
                return f
        return None

    def take_hold(self, path, after):
        with self.lock:
            for h in self.holds:
                if path.startswith(h.path) and h.after == after and not h.reached.is_set():
                    h.reached.set()
                    return h
        return None


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner = None

    def log_message(self, *args):
        pass

    def handle_one(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.owner.take_fault(self.path, body)
        if fault:
            status, headers = fault[1], {"Content-Type": "application/problem+json", **fault[3]}
            data = json.dumps(fault[2] or {}).encode()
        else:
            self.pause(after=False)
            if self.owner.on_request:
                self.owner.on_request(self.path, body, self.connection)
            status, headers, data = self.forward(body)
            if self.owner.on_reply:
                self.owner.on_reply(self.path, body, status, dict(headers), data)
            self.pause(after=True)
        with self.owner.lock:
            self.owner.requests.append((self.command, self.path, status))
        self.send_response_only(status)
        for name, value in headers.items() if isinstance(headers, dict) else headers:
            if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def pause(self, after):
        h = self.owner.take_hold(self.path, after)
        if h:
            h.released.wait(120)
            if h.dropped:
                self.close_connection = True
                raise ConnectionAbortedError("dropped as the test wants it")

    def forward(self, body):
        context = ssl.create_default_context(cafile=str(self.owner.pebble.ca_file))
        c = http.client.HTTPSConnection("127.0.0.1", self.owner.pebble.port, context=context, timeout=30)
        try:
            headers = {k: v for k, v in self.headers.items() if k.lower() not in ("connection", "content-length")}
            c.request(self.command, self.path, body=body or None, headers=headers)
            r = c.getresponse()
            return r.status, r.getheaders(), r.read()
        finally:
            c.close()

    do_GET = do_HEAD = do_POST = handle_one
