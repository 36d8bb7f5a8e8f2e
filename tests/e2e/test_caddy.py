# SPDX-License-Identifier: MIT
"""The main journey at a CA that shares no code with Pebble: Caddy's acme_server. It speaks HTTP/2, gives no Retry-After, writes problem documents of its
own, validates while the challenge is answered, and has its own idea of accounts."""

import sys

import pytest

from conftest import needs_root
from harness.caddy import Caddy, Namespace
from harness.net import names_of
from harness.process import Process, run
from harness.wait import wait_for

pytestmark = needs_root

NAME = "www.example.com"
ADDRESSES = {NAME: "127.0.0.1", "example.com": "127.0.0.1", "api.example.com": "127.0.0.1", "b.example.com": "127.0.0.1",
             "astray.example.com": "127.0.0.77"}


ROUTER = """
import http.server
class Router(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"Welcome")
http.server.HTTPServer(("127.0.0.1", 80), Router).serve_forever()
"""


@pytest.fixture
def namespace(place, ending):
    n = Namespace(place / "namespace", ADDRESSES)
    ending(n.stop)
    return n


@pytest.fixture
def caddy(place, namespace, ending):
    c = Caddy(place / "caddy", namespace)
    ending(c.stop)
    return c


@pytest.fixture
def acmed(make_acmed, caddy, namespace):
    return make_acmed(caddy, http_port=80, wrapper=namespace.enter)


def test_a_certificate_is_issued_renewed_and_deployed(acmed, caddy, script, place):
    deployed = place / "deployed"
    hook = script("hook", f'echo "$ACMED_NAME" >> {deployed}\n')
    acmed.configure({NAME: {"domains": f"{NAME} example.com api.example.com", "hook": hook}, "b.example.com": {}}).start()
    first = acmed.issued(NAME)
    assert names_of(first) == ["api.example.com", "example.com", NAME]
    assert first.issuer.rfc4514_string() != acmed.issued("b.example.com").subject.rfc4514_string()
    status = acmed.deployed(NAME)
    # Twelve hours: half of such a short life is left when it is renewed.
    lifetime = status["not_after"] - status["not_before"]
    assert lifetime < 13 * 3600 and 0.4 * lifetime < status["renew_at"] - status["not_before"] < 0.6 * lifetime
    acmed.renew(NAME)
    assert acmed.leaf(NAME).serial_number != first.serial_number
    acmed.deployed(NAME, 2)
    assert len(deployed.read_text().splitlines()) == 2
    assert caddy.orders() == 3 and acmed.status()["daemon"]["repeated_orders"] == 0


@pytest.mark.slow
def test_a_name_that_leads_elsewhere(acmed, caddy, namespace):
    """It validates while the challenge is answered and leaves it pending when that fails: it is answered again, and the order kept."""
    astray = "astray.example.com"
    acmed.configure({NAME: {}, astray: {}}).start()
    acmed.issued(NAME)
    status = wait_for(lambda: (s := acmed.status(astray))["last_error"] and s, "the failure", 30)
    assert "could not connect" in acmed.told(astray) and f"{astray} could not be validated" in acmed.told(astray)
    assert status["state"] == "failing" and status["last_error"]["class"] == "transient" and status["next_at"] > status["last_error"]["at"] + 50
    acmed.kill()
    namespace.lead({**ADDRESSES, astray: "127.0.0.1"})
    acmed.start()
    acmed.renew(astray)
    assert caddy.orders() == 2, "one for each certificate"
    assert acmed.status()["daemon"]["repeated_orders"] == 0


def test_a_web_server_that_answers_something_else(make_acmed, caddy, namespace, place, ending):
    """Then it makes challenge, authorization and order invalid; why is said in the authorization alone."""
    other = Process([*namespace.enter, sys.executable, "-c", ROUTER], place / "other.log")
    ending(other.stop)
    wait_for(lambda: run([*namespace.enter, "curl", "-sf", "http://127.0.0.1/"]).returncode == 0, "the other server")
    acmed = make_acmed(caddy, http_port=5080, wrapper=namespace.enter)
    acmed.configure({NAME: {}}).start()
    status = acmed.state_is(NAME, "failing")
    assert 50 < status["next_at"] - status["last_error"]["at"] < 70
    text = acmed.told(NAME)
    assert f"{NAME} could not be validated" in text and "rejectedIdentifier" in text, text
    other.stop()
    acmed.stop()
    acmed.http_port = 80
    acmed.configure({NAME: {}}).start()
    acmed.renew(NAME)
    assert caddy.orders() == 2, "an invalid order is not gone on with"


def test_a_ca_that_was_restarted_and_one_that_forgot(acmed, caddy):
    """Restarted it knows us still. What has lost its database answers this version's newOrder with 500 and no problem document, not with
    accountDoesNotExist: that is told, retried later, and no loop."""
    acmed.configure({NAME: {}}).start()
    acmed.deployed(NAME)
    caddy.stop()
    caddy.start()
    acmed.renew(NAME)
    caddy.forget()
    r = acmed.renew(NAME, code=1)
    assert "HTTP 500" in r.text, r
    assert caddy.count("new-order", 500) == 1 and acmed.generation(NAME) == 2
    assert acmed.status(NAME)["last_error"]["class"] == "transient"
