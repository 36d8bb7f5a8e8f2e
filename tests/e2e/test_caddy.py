# SPDX-License-Identifier: MIT
"""The main journey at a CA that shares no code with Pebble: Caddy's acme_server. It speaks HTTP/2, gives no Retry-After, writes problem documents of its
own, validates while the challenge is answered, and has its own idea of accounts."""

import sys

import pytest
from cryptography import x509

from conftest import needs_root
from harness.caddy import Caddy, Namespace
from harness.knot import Knot
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
    status = acmed.failed(astray)
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
    wait_for(lambda: caddy.count("new-order", 500) == 1, "its log to tell of one request")
    assert acmed.generation(NAME) == 2
    assert acmed.status(NAME)["last_error"]["class"] == "transient"


def test_tls_alpn(make_acmed, caddy, namespace):
    acmed = make_acmed(caddy, wrapper=namespace.enter)
    acmed.configure({NAME: {"domains": f"{NAME} example.com", "challenge": "tls-alpn-01"}}, http_listen="off", tls_alpn_listen="127.0.0.1:443").start()
    assert names_of(acmed.issued(NAME)) == ["example.com", NAME]
    acmed.renew(NAME)
    assert caddy.orders() == 2 and acmed.status()["daemon"]["repeated_orders"] == 0


@pytest.fixture
def knot(place, namespace, ending):
    k = Knot(place / "knot", "127.0.0.1", {"example.com": []}, {"ns1.example.com.": "127.0.0.1"}, enter=namespace.enter)
    ending(k.stop)
    return k


def test_dns(make_acmed, caddy, namespace, knot):
    """Records are set by dynamic updates, and looked for at the servers that the system's resolver names."""
    acmed = make_acmed(caddy, wrapper=namespace.enter)
    dns = {"challenge": "dns-01", "dns_hook": f"rfc2136:127.0.0.1 {knot.key}"}
    acmed.configure({NAME: {**dns, "domains": f"{NAME} example.com"}, "wild.example.com": {**dns, "domains": "*.wild.example.com wild.example.com"}}, http_listen="off").start()
    assert names_of(acmed.issued(NAME)) == ["example.com", NAME]
    assert names_of(acmed.issued("wild.example.com")) == ["*.wild.example.com", "wild.example.com"]
    for name in (NAME, "example.com", "wild.example.com"):
        wait_for(lambda n=name: knot.ask("TXT", f"_acme-challenge.{n}") == [], "the records to be gone")
    assert acmed.status()["daemon"]["repeated_orders"] == 0


def test_an_address(acmed, caddy):
    acmed.configure({NAME: {"domains": f"{NAME} 127.0.0.1"}}).start()
    san = acmed.issued(NAME).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(a) for a in san.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]


def test_accounts(acmed, caddy):
    """It changes the contact and ends an account; a change of the account's key it has not, which leaves the account as it was."""
    acmed.configure({NAME: {}}).start()
    acmed.deployed(NAME)
    r = acmed.ctl("account", "rollover")
    assert r.code == 1 and "keeps the key it has: HTTP 501" in r.text, r
    acmed.kill()
    acmed.start()
    acmed.renew(NAME)
    acmed.configure({NAME: {}}, contact="other@example.com")
    assert acmed.ctl("reload").code == 0
    acmed.renew(NAME)
    assert "other@example.com" in acmed.ctl("account", "show").out
    r = acmed.ctl("account", "deactivate", "--yes")
    assert r.code == 0 and "deactivated" in r.out, r
    r = acmed.renew(NAME, code=1)
    assert "the account was deactivated here" in r.text and acmed.generation(NAME) == 3, r
    assert caddy.orders() == 3


def test_revocation(acmed, caddy):
    acmed.configure({NAME: {}}).start()
    acmed.deployed(NAME)
    r = acmed.ctl("revoke", NAME, "--reason", "superseded", "--yes")
    assert r.code == 0 and "by the account's key" in r.out, r
    acmed.deployed(NAME, 2)
    given_up = acmed.leaf(NAME).public_key()
    r = acmed.ctl("revoke", NAME, "--reason", "keyCompromise", "--yes")
    assert r.code == 0 and "(key-compromise, by the certificate's own key)" in r.out, r
    acmed.deployed(NAME, 3)
    assert acmed.leaf(NAME).public_key().public_numbers() != given_up.public_numbers()
    r = acmed.ctl("revoke", NAME, "--generation", "1", "--yes")
    assert r.code == 0 and "was revoked already" in r.out, r
    caddy.forget()
    r = acmed.ctl("revoke", NAME, "--yes")
    assert r.code == 1 and f"generation 3 of {NAME} is not revoked: HTTP 500" in r.text, r
    assert acmed.generation(NAME) == 3
