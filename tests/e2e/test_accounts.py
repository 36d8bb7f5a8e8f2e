# SPDX-License-Identifier: MIT
"""Accounts that a CA makes for its customers only: external account bindings (RFC 8555 section 7.3.4)."""

import re

from conftest import needs_root
from harness.proxy import Proxy
from harness.daemon import STRANGER
from harness.wait import wait_for

NAME = "www.example.com"
KID, HMAC = "kid-1", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
BOUND = {"externalAccountBindingRequired": True, "externalAccountMACKeys": {KID: HMAC}}


def registrations(proxy):
    """Requests to newAccount, without those whose nonce was refused."""
    return [s for _, p, s in proxy.requests if p == "/sign-me-up"]


def bound(make_pebble, make_acmed, ending, key=HMAC + "\n", kid=KID, mode=0o600, **more):
    proxy = Proxy(make_pebble(env={"PEBBLE_WFE_NONCEREJECT": "0"}, **BOUND))
    ending(proxy.stop)
    acmed = make_acmed(proxy, **more)
    secret = acmed.directory / "hmac"
    secret.write_text(key)
    secret.chmod(mode)
    acmed.own(secret)
    return proxy, acmed, secret, {"eab_kid": kid, "eab_hmac_file": secret}


def failure(acmed, word):
    s = acmed.failed(NAME)
    assert word in s["last_error"]["text"], s
    return s


def test_the_key_is_needed_once(make_pebble, make_acmed, ending):
    proxy, acmed, secret, keys = bound(make_pebble, make_acmed, ending)
    acmed.configure({NAME: {}}, ca=keys).start()
    acmed.issued(NAME)
    assert registrations(proxy) == [400, 201]  # does it know the key? no; then with the binding
    assert HMAC not in acmed.text()
    secret.unlink()
    r = acmed.check()
    assert r.code == 0 and "needed until the account is registered" in r.text, r
    acmed.configure({NAME: {}, "b.example.com": {}}).stop()
    acmed.start()
    acmed.issued("b.example.com")
    assert len(registrations(proxy)) == 2


def test_a_lost_reply_does_not_lose_the_key(make_pebble, make_acmed, ending):
    """The CA has the account, the key is used up, and we do not know: nobody asks it for another one."""
    proxy, acmed, _, keys = bound(make_pebble, make_acmed, ending)
    used = []

    def on_request(request):
        if request.path == "/sign-me-up" and "externalAccountBinding" in request.payload:
            used.append(request)

    proxy.on_request = on_request
    reply = proxy.hold("/sign-me-up", after=True, skip=1)
    acmed.configure({NAME: {}}, ca=keys).start()
    reply.wait()
    acmed.kill()
    reply.drop()
    acmed.start()
    acmed.issued(NAME)
    assert len(used) == 1, "the binding was used twice"
    assert registrations(proxy)[-1] == 200


def test_reply_lost_on_the_way(make_pebble, make_acmed, ending):
    proxy, acmed, _, keys = bound(make_pebble, make_acmed, ending)
    reply = proxy.hold("/sign-me-up", after=True, skip=1)
    # A single-use key: whoever uses it again is refused. libcurl does, when a kept connection dies.
    proxy.answer("/sign-me-up", 403, {"type": "urn:ietf:params:acme:error:unauthorized", "detail": "the key is used up"}, skip=2)
    acmed.configure({NAME: {}}, ca=keys).start()
    reply.wait()
    reply.drop()
    wait_for(lambda: acmed.ctl("renew", "now", NAME).code == 0, "the certificate")
    assert registrations(proxy)[-1] == 200
    assert len(registrations(proxy)) <= 5


def test_wrong_key(make_pebble, make_acmed, ending):
    proxy, acmed, secret, keys = bound(make_pebble, make_acmed, ending, key="A" * 43)
    acmed.configure({NAME: {}, "b.example.com": {}}, ca=keys).start()
    s = wait_for(lambda: next((s for s in (acmed.status(NAME), acmed.status("b.example.com")) if s["last_error"]), None), "an error to be shown")
    assert 'refused to register the account with the external account binding "kid-1"' in s["last_error"]["text"]
    assert s["last_error"]["class"] == "permanent"
    assert s["next_at"] - s["last_error"]["at"] > 6 * 3600, s
    assert len(registrations(proxy)) == 3, "no loop, and one for both certificates"
    assert "check eab_kid and eab_hmac_file of [ca pebble], then reload" in re.sub(r"\s+", " ", acmed.ctl("show", s["name"]).text)
    secret.write_text(HMAC)
    assert acmed.ctl("reload").code == 0
    acmed.issued(NAME)
    acmed.issued("b.example.com")


def test_wrong_kid(make_pebble, make_acmed, ending):
    proxy, acmed, _, keys = bound(make_pebble, make_acmed, ending, kid="kid-2")
    acmed.configure({NAME: {}}, ca=keys).start()
    s = failure(acmed, 'with the external account binding "kid-2"')
    assert s["last_error"]["class"] == "permanent"
    assert len(registrations(proxy)) == 3


def test_no_key_is_an_error_of_the_configuration(make_pebble, make_acmed, ending):
    proxy, acmed, _, keys = bound(make_pebble, make_acmed, ending)
    acmed.configure({NAME: {}}).start()
    s = failure(acmed, "put `eab_kid` and `eab_hmac_file` into [ca pebble]")
    assert s["last_error"]["class"] == "configuration"
    assert s["next_at"] - s["last_error"]["at"] > 6 * 3600, s
    assert not registrations(proxy), "nothing is sent"
    acmed.configure({NAME: {}}, ca=keys)
    assert acmed.ctl("reload").code == 0
    acmed.issued(NAME)


def test_readable_by_others(make_pebble, make_acmed, ending):
    proxy, acmed, secret, keys = bound(make_pebble, make_acmed, ending, mode=0o644)
    acmed.configure({NAME: {}}, ca=keys)
    r = acmed.check()
    assert r.code == 2 and f"chmod 0600 {secret}" in r.text, r
    secret.chmod(0o600)
    assert acmed.check().code == 0
    acmed.start()
    wait_for(lambda: acmed.status(NAME)["state"] == "valid", "the certificate")


@needs_root
def test_what_cannot_be_checked_is_said(make_pebble, make_acmed, ending):
    _, acmed, secret, keys = bound(make_pebble, make_acmed, ending)
    hidden = acmed.directory / "hidden"
    hidden.mkdir(mode=0o700)
    acmed.configure({NAME: {}}, ca={**keys, "eab_hmac_file": hidden / "hmac"})
    r = acmed.check(user=STRANGER)
    assert "may not look there" in r.text, r
    acmed.configure({NAME: {}}, ca={**keys, "eab_hmac_file": "credential:pebble"})
    r = acmed.check()
    assert r.code == 0 and "LoadCredential=pebble:PATH" in r.text, r
