# SPDX-License-Identifier: MIT
"""Between acmed and a CA: counts, holds, and does to requests and replies what a test wants (faults.py)."""

import http.client
import http.server
import socket
import ssl
import threading

from .faults import Answer, Hold, Rewrite
from .message import Atlas, Reply, Request
from .net import free_port
from .wait import wait_for


class Proxy:
    """In front of a CA, under a name and certificate of the same authority (or `https`: files of a certificate and its key). Host is handed on,
    so the URLs that the CA makes lead through the proxy. on_request(request) sees what comes before the CA does, on_reply(request, reply) what
    the CA said before acmed does; both in threads of the proxy's."""

    def __init__(self, pebble, https=None):
        self.pebble, self.ca_file = pebble, pebble.ca_file
        self.https = https or (pebble.directory / "https.pem", pebble.directory / "https.key")
        self.port = free_port()
        self.faults, self.requests, self.open = [], [], 0
        self.atlas = Atlas(self.directory_url)
        self.on_request = self.on_reply = None
        self.lock = threading.Lock()
        # Pebble can deadlock when many ask at once.
        self.at_once = threading.BoundedSemaphore(6)
        self.server = None
        self.start()

    @property
    def directory_url(self):
        return f"https://127.0.0.1:{self.port}{self.pebble.path}"

    # -- what it does ---------------------------------------------------------------------------------------------

    def add(self, fault):
        with self.lock:
            self.faults.append(fault)
        return fault

    def remove(self, fault):
        with self.lock:
            self.faults.remove(fault)

    def hold(self, where, after=False, **which):
        return self.add(Hold(where, after, **which))

    def answer(self, where, status, problem=None, headers=(), times=1, **which):
        """The next `times` requests get this reply, and the CA does not hear of them."""
        return self.add(Answer(where, status, problem, headers, times=times, **which))

    def rewrite(self, where, change, **which):
        """change(request, reply) does what it likes to the reply."""
        return self.add(Rewrite(where, change, **which))

    def rewrite_json(self, where, change, **which):
        """change(document) does what it likes to the JSON in the reply."""
        def on_reply(request, reply):
            document = reply.json
            change(document)
            reply.json = document
        return self.rewrite(where, on_reply, **which)

    # -- what came ------------------------------------------------------------------------------------------------

    def count(self, path):
        """Requests for path that the CA accepted."""
        with self.lock:
            return sum(p.startswith(path) and 200 <= s < 300 for _, p, s in self.requests)

    def orders(self, name):
        """How many the CA has placed for this name, whatever acmed heard of it."""
        with self.lock:
            return len(self.atlas.orders[name])

    def heard(self):
        """After a kill: how many requests came, with those that were on their way. Waits for the ends of all connections."""
        wait_for(lambda: self.open == 0, "the proxy's connections to end")
        with self.lock:
            return len(self.requests)

    # -- life -----------------------------------------------------------------------------------------------------

    def start(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.https)
        proxy = self

        class Handler(_Handler):
            owner = proxy

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def get_request(self):
                raw, address = self.socket.accept()
                raw.settimeout(60)
                # A short reply is one packet and not held back for the ACK of the one before.
                raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection = context.wrap_socket(raw, server_side=True, do_handshake_on_connect=False)
                with proxy.lock:
                    proxy.connections.append(connection)
                return connection, address

            def handle_error(self, request, client_address):
                pass

        self.connections = []
        self.ended = threading.Event()
        self.server = Server(("127.0.0.1", self.port), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def stop(self):
        """Gone: nothing listens, connections are cut."""
        if not self.server:
            return
        self.ended.set()
        with self.lock:
            for fault in self.faults:
                if isinstance(fault, Hold):
                    fault.drop()
        self.server.shutdown()
        self.server.server_close()
        for c in self.connections:
            try:
                socket.socket.shutdown(c, socket.SHUT_RDWR)
            except OSError:
                pass
        self.server = None

    def taken_by(self, request):
        """Notes where it belongs; the faults that it hits."""
        with self.lock:
            self.atlas.place(request)
            return [f for f in self.faults if f.takes(request)]

    def note(self, request, status):
        with self.lock:
            self.requests.append((request.method, request.path, status))

    def ask(self, request):
        """The CA itself."""
        context = ssl.create_default_context(cafile=str(self.pebble.ca_file))
        c = http.client.HTTPSConnection("127.0.0.1", self.pebble.port, context=context, timeout=30)
        try:
            with self.at_once:
                headers = {k: v for k, v in request.headers.items() if k.lower() not in ("connection", "content-length")}
                c.request(request.method, request.path, body=request.body or None, headers=headers)
                r = c.getresponse()
                return Reply(r.status, r.getheaders(), r.read())
        finally:
            c.close()

    def pass_on(self, request):
        if self.on_request:
            self.on_request(request)
        reply = self.ask(request)
        with self.lock:
            self.atlas.learn(request, reply)
        if self.on_reply:
            self.on_reply(request, reply)
        return reply


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner = None

    def log_message(self, *args):
        pass

    def handle(self):
        with self.owner.lock:
            self.owner.open += 1
        try:
            super().handle()
        finally:
            with self.owner.lock:
                self.owner.open -= 1

    def handle_one(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, self.path, self.headers, body, self.connection)
        faults = self.owner.taken_by(request)
        reply = next((r for r in (f.instead(request) for f in faults) if r is not None), None) or self.owner.pass_on(request)
        for f in faults:
            f.change(request, reply)
        self.owner.note(request, reply.status)
        head, data = reply.head(), reply.body if self.command != "HEAD" else b""
        if any(f.send(self.connection, head, data, self.owner.ended) for f in faults):
            self.close_connection = True
        else:
            self.wfile.write(head + data)

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    do_GET = do_HEAD = do_POST = handle_one
