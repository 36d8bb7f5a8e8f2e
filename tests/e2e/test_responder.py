# SPDX-License-Identifier: MIT
"""Port 80: answering the CA, sharing with a web server, and nothing more."""

import selectors
import socket
import threading

import pytest

from harness.net import free_port, http, listens
from harness.servers import Front, Nginx, placeholder
from harness.wait import wait_for

NAME = "www.example.com"


def occupy(port):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", port))
    s.listen()
    return s


@pytest.mark.slow
def test_port_taken_then_free_then_released(acmed, http_port, pebble):
    other = occupy(http_port)
    acmed.configure({NAME: {}}).start()
    acmed.says(f"{http_port}")
    text = wait_for(lambda: next((x for x in acmed.text().splitlines() if str(http_port) in x and "taken" in x), None), "a clear message")
    assert "127.0.0.1" in text
    assert acmed.generation(NAME) == 0
    assert acmed.ctl("status").code == 0
    other.close()
    acmed.issued(NAME, seconds=120)
    # It was taken only while a challenge was pending: the web server that had it may have it back.
    wait_for(lambda: not listens(http_port), "the port to be released")
    occupy(http_port).close()


def test_everything_else_is_a_redirect_or_404(acmed, http_port):
    acmed.configure({NAME: {}}).start()
    acmed.deployed(NAME)
    status, headers, _ = http(http_port, "/some/page?x=1", NAME)
    assert status == 302 and headers["Location"] == f"https://{NAME}/some/page?x=1"
    assert http(http_port, "/", "stranger.example.net")[0] == 404
    assert http(http_port, "/.well-known/acme-challenge/unknown", NAME)[0] == 404
    assert http(http_port, "/.well-known/acme-challenge/../../etc/passwd", NAME)[0] == 404
    assert http(http_port, "/.well-known/acme-challenge/%2e%2e%2fx", NAME)[0] == 404


def test_http_other_404(acmed, http_port):
    acmed.configure({NAME: {}}, http_other="404").start()
    acmed.deployed(NAME)
    assert http(http_port, "/", NAME)[0] == 404


def test_a_token_is_gone_after_the_challenge(held, proxy, http_port):
    tokens = set()
    proxy.rewrite_json("authorization", lambda d: tokens.update(c["token"] for c in d["challenges"] if c["type"] == "http-01"), times=None)
    hold = proxy.hold("/chalZ", after=True)
    held.configure({NAME: {}}).start()
    hold.wait()
    [token] = tokens
    status, _, body = http(http_port, f"/.well-known/acme-challenge/{token}", NAME)
    assert status == 200 and body.decode().startswith(f"{token}."), body
    hold.release()
    held.deployed(NAME)
    assert http(http_port, f"/.well-known/acme-challenge/{token}", NAME)[0] == 404


class Siege:
    """As many connections as `n`, which begin a request and say no more; for each that ends there is another."""

    def __init__(self, port, n):
        self.port, self.n, self.over = port, n, threading.Event()
        self.full = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        with selectors.DefaultSelector() as selector:
            while not self.over.is_set():
                while len(selector.get_map()) < self.n:
                    s = socket.create_connection(("127.0.0.1", self.port), timeout=30)
                    s.sendall(b"GET /")
                    selector.register(s, selectors.EVENT_READ)
                self.full.set()
                for key, _ in selector.select(0.1):
                    selector.unregister(key.fileobj)
                    key.fileobj.close()
            for key in list(selector.get_map().values()):
                key.fileobj.close()

    def stop(self):
        self.over.set()
        self.thread.join(60)


def test_slow_clients_leave_descriptors_for_what_matters(held, proxy, http_port, ending):
    """More of them than acmed may have descriptors, all the time: orders and acmectl still get theirs."""
    held.wrapper = ["prlimit", "--nofile=160:160"]
    held.configure({NAME: {}}).start()
    held.issued(NAME)
    siege = Siege(http_port, 200)
    ending(siege.stop)
    assert siege.full.wait(60)
    proxy.stop(), proxy.start()  # no connection to the CA is left: one has to be made
    held.renew(NAME)
    assert held.generation(NAME) == 2


def test_slow_clients_do_not_stop_a_challenge(acmed, http_port):
    acmed.configure({NAME: {}}).start()
    acmed.deployed(NAME)
    idle = [socket.create_connection(("127.0.0.1", http_port)) for _ in range(200)]
    for s in idle:
        s.sendall(b"GET /.well-known/acme-ch")
    acmed.renew(NAME)
    assert acmed.generation(NAME) == 2
    # And they are dropped, absolutely, ten seconds after they began.
    for s in idle:
        s.settimeout(20)
        assert s.recv(1024)[:12] in (b"", b"HTTP/1.1 408")
        s.close()


@pytest.mark.parametrize("kind", ["nginx", "haproxy", "apache"])
def test_behind_a_web_server(make_acmed, pebble, place, http_port, ending, kind):
    """It has port 80 and hands the challenges on, as conf/snippets shows it."""
    inner = free_port()
    front = Front(kind, place / "front", http_port, inner)
    ending(front.stop)
    assert http(http_port, "/index.html", NAME)[2].strip() == b"the site"
    acmed = make_acmed(pebble, http_port=inner)
    acmed.configure({NAME: {}}).start()
    acmed.issued(NAME)


def test_on_a_unix_socket_behind_a_web_server(make_acmed, pebble, authority, place, http_port, ending):
    fullchain, key = placeholder(authority, place / "placeholder", NAME)
    acmed = make_acmed(pebble)
    path = acmed.directory / "run" / "http.sock"
    forward = f"location /.well-known/acme-challenge/ {{ proxy_pass http://unix:{path}:; proxy_set_header Host $host; }}"
    nginx = Nginx(place / "nginx", fullchain, key, NAME, http_port, forward)
    ending(nginx.stop)
    acmed.configure({NAME: {}}, http_listen=f"unix:{path}").start()
    acmed.issued(NAME)


def test_pipelined_and_malformed_requests(acmed, http_port):
    acmed.configure({NAME: {}}).start()
    acmed.deployed(NAME)

    def say(data):
        with socket.create_connection(("127.0.0.1", http_port), timeout=15) as s:
            try:
                s.sendall(data)
            except (BrokenPipeError, ConnectionResetError):
                pass  # it did not want to hear all of it; what it says may be there
            reply = b""
            while True:
                try:
                    more = s.recv(65536)
                except ConnectionResetError:
                    return reply
                if not more:
                    return reply
                reply += more

    host = f"Host: {NAME}\r\n".encode()
    assert say(b"GET / HTTP/1.1\r\n" + host + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc").startswith(b"HTTP/1.1 400")
    assert say(b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc")[:12] in (
        b"HTTP/1.1 400", b"HTTP/1.1 404", b"HTTP/1.1 405")
    assert say(b"GET / HTTP/1.1\r\n" + host + b"X: " + b"y" * 200_000 + b"\r\n\r\n")[:10] in (b"HTTP/1.1 4", b"")
    assert say(b"\x16\x03\x01\x02\x00garbage\r\n\r\n")[:12] in (b"HTTP/1.1 400", b"")
    assert acmed.ctl("status").code == 0
    assert http(http_port, "/", NAME)[0] == 302

