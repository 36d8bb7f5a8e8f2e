# SPDX-License-Identifier: MIT
"""FAULTS 14 and 16 to 19: a CA that cannot be reached, or is not the one it should be; and what it reaches in turn."""

import http.server
import socket
import threading
import time

import pytest

from harness.daemon import wait_of
from harness.faults import Drip
from harness.net import free_port
from harness.pki import DAY, Authority, pem, pem_key
from harness.wait import wait_for
from test_renew import plant

NAME, URGENT = "www.example.com", "urgent.example.com"


@pytest.fixture
def pebble(make_pebble):
    """Its own refusals of nonces would be hit by what is meant for replies."""
    return make_pebble(env={"PEBBLE_WFE_NONCEREJECT": "0"})


def files_of(acmed, name):
    return {p.name: p.read_bytes() for p in acmed.live(name).iterdir()}


def mute_listener(ending):
    """Takes connections and never says a word."""
    s = socket.create_server(("127.0.0.1", free_port()))
    ending(s.close)
    return s.getsockname()[1]


def black_hole(ending):
    """A full queue: what is sent to it is neither taken nor refused."""
    s = socket.socket()
    s.bind(("127.0.0.1", free_port()))
    s.listen(0)
    fill = [socket.socket() for _ in range(3)]
    for f in fill:
        f.setblocking(False)
        f.connect_ex(s.getsockname())
        ending(f.close)
    ending(s.close)
    return s.getsockname()[1]


@pytest.fixture
def impostor(make_proxy, pebble, place):
    """impostor(label, authority, names, **validity): the CA, behind a certificate of another kind."""
    def make(label, authority, names=("127.0.0.1",), **validity):
        certificate, key = authority.issue(list(names), **validity)
        files = (place / f"{label}.pem", place / f"{label}.key")
        files[0].write_bytes(pem(certificate))
        files[1].write_bytes(pem_key(key))
        return make_proxy(pebble, https=files)
    return make


@pytest.mark.slow
def test_every_way_a_ca_is_out_of_reach(acmed, pebble, authority, impostor, ending):
    """Each of these CAs has a certificate to renew. All fail, with their reason, and change nothing; the one of a CA that is well is
    renewed, and the one that may wait no longer goes to the next CA in its list."""
    proxies = {
        "expired": impostor("expired", pebble.authority, age=40 * DAY, lifetime=30 * DAY),
        "future": impostor("future", pebble.authority, age=-2 * DAY),
        "misnamed": impostor("misnamed", pebble.authority, names=["ca.example.com", "127.0.0.2"]),
        "stranger": impostor("stranger", Authority("somebody else"))}
    urls = {label: proxy.directory_url for label, proxy in proxies.items()}
    urls |= {"refused": f"https://127.0.0.1:{free_port()}/dir", "mute": f"https://127.0.0.1:{mute_listener(ending)}/dir",
             "hole": f"https://127.0.0.1:{black_hole(ending)}/dir", "nowhere": "https://nowhere.invalid/dir"}
    words = {"expired": ["expired"], "future": ["not yet valid"], "misnamed": ["127.0.0.1", "certificate"], "stranger": ["certificate"],
             "refused": ["refused"], "mute": ["timed out", "timeout"], "hole": ["timed out", "timeout"], "nowhere": ["nowhere.invalid"]}
    names = {f"{label}.example.com": label for label in urls}
    for name in (*names, NAME):
        plant(acmed, authority, [name], 80 * DAY, 90 * DAY)
    plant(acmed, authority, [URGENT], 89 * DAY, 90 * DAY)
    acmed.configure({NAME: {}, URGENT: {"ca": "gone pebble"}, **{n: {"ca": label} for n, label in names.items()}})
    urls["gone"] = f"https://127.0.0.1:{free_port()}/dir"
    sections = "".join(acmed.section(f"ca {label}", {"directory": url, "ca_file": pebble.ca_file}) for label, url in urls.items())
    acmed.write(acmed.conf.read_text() + sections)
    before = {n: files_of(acmed, n) for n in names}
    acmed.start()
    acmed.issued(NAME, 2)
    assert not acmed.status("mute.example.com")["last_error"], "it did not wait for those that are silent"
    # Those last that are silent until a deadline: until then the others have not been tried again.
    for name, label in sorted(names.items(), key=lambda n: n[1] in ("mute", "hole")):
        status = acmed.failed(name, 40)
        text = acmed.told(name)
        assert status["last_error"]["class"] == "network" and status["state"] == "waiting", status
        assert any(w in text for w in words[label]) and f"CA {label}" in text, (label, text)
        assert 50 <= wait_of(status) <= 70, status
        assert files_of(acmed, name) == before[name] and acmed.generation(name) == 1
    assert not any(p.requests for p in proxies.values()), "nothing was said to a CA that is not the right one"
    acmed.issued(URGENT, 2, seconds=20)
    assert "moved" in [e["event"] for e in acmed.ctl("history", URGENT, "--json").events]
    cas = {c["name"]: c["state"] for c in acmed.status()["daemon"]["cas"]}
    assert cas.pop("pebble") == "ready" and set(cas.values()) == {"unreachable"}, cas


@pytest.mark.slow
def test_a_byte_a_second_ends(held, proxy, make_proxy):
    """The deadline is one for all, not one for each byte. The CA that drips from the beginning is another one."""
    slow = make_proxy(proxy.pebble)
    slow.add(Drip("directory", times=None))
    drips = {f"{kind.lower()}.example.com": proxy.add(Drip(kind, name=f"{kind.lower()}.example.com"))
             for kind in ("newOrder", "authorization", "challenge", "order", "finalize", "certificate")}
    held.configure({"fine.example.com": {}, "slow.example.com": {"ca": "slow"}, **{n: {} for n in drips}})
    held.write(held.conf.read_text() + held.section("ca slow", {"directory": slow.directory_url, "ca_file": slow.ca_file}))
    began = time.monotonic()
    held.start()
    held.issued("fine.example.com")
    assert not held.status("slow.example.com")["last_error"], "it did not wait for the slow one"
    status = wait_for(lambda: (s := held.status("slow.example.com"))["last_error"] and s, "the deadline", 45)
    assert time.monotonic() - began >= 29, "it was given its time"
    assert "timed out" in status["last_error"]["text"] or "Timeout" in status["last_error"]["text"], status
    for name, drip in drips.items():
        held.issued(name, seconds=30)
        assert drip.hits and proxy.orders(name) == (2 if name.startswith("neworder") else 1)  # nobody knows what became of the first


@pytest.mark.slow
def test_no_redirect_is_followed(held, proxy, ending):
    stranger = socket.create_server(("127.0.0.1", free_port()))
    stranger.setblocking(False)
    ending(stranger.close)
    headers = {"Location": f"https://127.0.0.1:{stranger.getsockname()[1]}/"}
    kinds = ("newOrder", "authorization", "challenge", "order", "finalize", "certificate")
    names = {f"{kind.lower()}-{status}.example.com": (kind, status) for kind in kinds for status in (301, 302, 303, 307, 308)}
    for name, (kind, status) in names.items():
        proxy.answer(kind, status, headers=headers, times=1 if kind == "finalize" else None, name=name)
    held.configure({"fine.example.com": {}, **{n: {} for n in names}}, max_orders=30).start()
    held.issued("fine.example.com")
    for name, (kind, status) in names.items():
        if kind == "finalize":
            held.issued(name)  # the order, which is asked, knows that it was not heard
            continue
        words = f"HTTP {status} is a redirect, which acmed does not follow"
        wait_for(lambda n=name, w=words: w in (held.status(n)["last_error"] or {"text": ""})["text"], f"the redirect of {name} to be shown", 40)
        assert words in held.told(name)
        assert proxy.orders(name) == (0 if kind == "newOrder" else 1)
    with pytest.raises(BlockingIOError):
        stranger.accept()


def test_an_address_that_is_not_ours_is_told(acmed, dns):
    """Nobody listens where the name leads to: the CA's address and its words are shown."""
    dns.set("astray.example.com", "127.0.0.77")
    acmed.configure({"astray.example.com": {}, NAME: {}}).start()
    acmed.issued(NAME)
    status = wait_for(lambda: (s := acmed.status("astray.example.com"))["last_error"] and s["state"] == "failing" and s, "the failure", 30)
    text = acmed.told("astray.example.com")
    assert "127.0.0.77" in text and "refused" in text and "astray.example.com" in text, text
    assert wait_of(status) > 50


def test_another_server_at_our_address_is_told(make_acmed, make_pebble, ending):
    """The CA reached somebody, and says what it got from there."""
    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"Welcome to the router")

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Other)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    ending(server.server_close)
    ending(server.shutdown)
    acmed = make_acmed(make_pebble(http_port=server.server_port))
    acmed.configure({NAME: {}}).start()
    wait_for(lambda: (s := acmed.status(NAME))["last_error"] and s["state"] == "failing" and s, "the failure", 30)
    text = acmed.told(NAME)
    assert "Welcome to the router" in text and NAME in text, text
