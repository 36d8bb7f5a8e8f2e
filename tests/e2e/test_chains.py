# SPDX-License-Identifier: MIT
"""CAs that offer several chains for one certificate (RFC 8555 section 7.4.2)."""

import ssl
import urllib.request

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from harness.acme import Client
from harness.proxy import Proxy
from harness.wait import wait_for

NAME = "www.example.com"


@pytest.fixture
def proxy(make_pebble, ending):
    # It refuses no nonces: a request for a certificate is one for a chain.
    p = Proxy(make_pebble(env={"PEBBLE_ALTERNATE_ROOTS": "2", "PEBBLE_CHAIN_LENGTH": "2", "PEBBLE_WFE_NONCEREJECT": "0"}))
    ending(p.stop)
    return p


def issuer(certificate):
    return certificate.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value


def root(pebble, number):
    context = ssl.create_default_context(cafile=str(pebble.ca_file))
    with urllib.request.urlopen(f"https://127.0.0.1:{pebble.management}/roots/{number}", context=context) as r:
        return issuer(x509.load_pem_x509_certificate(r.read()))


def top(acmed):
    begin = b"-----BEGIN CERTIFICATE-----"
    return issuer(x509.load_pem_x509_certificate(begin + acmed.live(NAME, "fullchain.pem").read_bytes().split(begin)[-1]))


def alternates(proxy):
    return sum("/alternate/" in path and status == 200 for _, path, status in proxy.requests)


def test_default(held, proxy):
    default = root(proxy.pebble, 0)
    held.configure({NAME: {"chain": default.upper()}}).start()
    held.issued(NAME)
    assert top(held) == default and alternates(proxy) == 0
    assert f"leads to {default}\n" in held.ctl("show", NAME).out


def test_one_that_is_configured_later(held, proxy):
    """It is no reason to renew, but to say so."""
    default, wanted = root(proxy.pebble, 0), root(proxy.pebble, 2)
    held.configure({NAME: {}}).start()
    held.deployed(NAME)
    held.configure({NAME: {"chain": wanted}})
    assert held.ctl("reload").code == 0
    status = held.status(NAME)
    assert (status["chain"], status["wanted_chain"], status["state"]) == (default, wanted, "valid")
    shown = " ".join(held.ctl("show", NAME).out.split())
    assert f"Chain leads to {default}; {wanted} is configured, which the next renewal asks the CA for (at once: acmectl renew {NAME} --force)" in shown
    held.renew(NAME)
    assert top(held) == wanted and "is configured" not in held.ctl("show", NAME).out
    assert held.status(NAME)["chain"] == wanted
    assert held.ctl("rollback", NAME).code == 0
    assert held.status(NAME)["chain"] is None, "which one an older generation has was not kept"


def test_alternate(held, proxy):
    wanted = root(proxy.pebble, 2)
    held.configure({NAME: {}}, ca={"chain": wanted}).start()
    held.issued(NAME)
    assert top(held) == wanted and alternates(proxy) == 2
    assert "chains leads to" not in held.text()


def test_the_certificate_overrides_the_ca(held, proxy):
    wanted = root(proxy.pebble, 1)
    held.configure({NAME: {"chain": wanted}}, ca={"chain": root(proxy.pebble, 2)}).start()
    held.issued(NAME)
    assert top(held) == wanted


def test_not_offered(held, proxy):
    held.configure({NAME: {"chain": "Other Root"}}).start()
    held.issued(NAME)
    default = root(proxy.pebble, 0)
    assert top(held) == default
    held.says(f'none of the CA\'s 3 chains leads to "Other Root": its default one is taken, which leads to "{default}"')


def test_another_host_is_not_asked(held, proxy):
    def lead_away(request, reply):
        reply.headers.append(("Link", '<https://127.0.0.1:1/chain>;rel="alternate"'))
        reply.headers.append(("Link", "<file:///etc/passwd>;rel=alternate"))

    proxy.rewrite("certificate", lead_away)
    held.configure({NAME: {"chain": "Other Root"}}).start()
    held.issued(NAME)
    held.says("none of the CA's 3 chains")
    assert "127.0.0.1:1/" not in held.text()


def test_an_alternate_that_cannot_be_had(held, proxy):
    proxy.answer("/certZ/", 403, "unauthorized", skip=1, times=None)
    held.configure({NAME: {"chain": root(proxy.pebble, 1)}}).start()
    held.issued(NAME)
    assert top(held) == root(proxy.pebble, 0)
    held.says("as far as they could be had")


def test_an_account_that_ends_while_alternates_are_fetched(held, proxy):
    """The certificate is there: it is taken with the default chain, and what is wrong with the account is told at once."""
    hold = proxy.hold("/certZ/", skip=1)
    held.configure({NAME: {"chain": root(proxy.pebble, 1)}}).start()
    hold.wait()
    Client(proxy.pebble, held.state / "accounts/pebble").deactivate()
    hold.release()
    held.issued(NAME)
    assert top(held) == root(proxy.pebble, 0)
    assert "ended by the CA" in wait_for(lambda: held.status(NAME)["alarm"], "the alarm")
    assert proxy.orders(NAME) == 1


def test_an_account_that_is_lost_while_alternates_are_fetched(held, proxy):
    proxy.answer("/certZ/", 400, "accountDoesNotExist", skip=1, times=None)
    held.configure({NAME: {"chain": root(proxy.pebble, 1)}}).start()
    held.issued(NAME)
    assert top(held) == root(proxy.pebble, 0)
    held.says("it is registered again with the same key")
    assert proxy.orders(NAME) == 1
