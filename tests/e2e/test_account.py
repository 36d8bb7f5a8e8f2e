# SPDX-License-Identifier: MIT
"""Accounts: shown, updated, given another key, ended; whatever happens in between."""

import json
import os
import re
import threading

import pytest

from harness.faults import Cut
from harness.wait import wait_for

NAME = "www.example.com"


def account(acmed):
    r = acmed.ctl("account", "show", "--json")
    assert r.code == 0, r
    (a,) = json.loads(r.out)["accounts"]
    return a


def keys(acmed):
    return sorted(p.name for p in (acmed.state / "accounts/pebble").iterdir() if p.suffix == ".pem")


def accounts_at_ca(pebble):
    return max([int(n) for n in re.findall(r"There are now (\d+) accounts in memory", pebble.log)], default=0)


@pytest.fixture
def pebble(make_pebble):
    """One that refuses no nonces: what is held or cut here is to be what the CA made of a request."""
    return make_pebble(env={"PEBBLE_WFE_NONCEREJECT": "0"})


@pytest.fixture
def issued(acmed):
    acmed.configure({NAME: {}}).start()
    acmed.deployed(NAME)
    return acmed


def test_shown(issued):
    a = account(issued)
    assert a["ca"] == "pebble" and a["state"] == "registered" and a["key_type"] == "ecdsa-p256"
    assert a["contact"] == "admin@example.com" and a["url"].startswith("https://") and a["error"] is None
    text = issued.ctl("account", "show", "pebble").out
    assert a["url"] in text and a["thumbprint"] in text
    assert issued.ctl("thumbprint").out == a["thumbprint"] + "\n"
    r = issued.ctl("account", "show", "letsencrypt")
    assert r.code == 2 and "pebble" in r.text, r
    assert issued.ctl("account", "destroy").code == 2


def test_contact_is_sent(issued, pebble):
    issued.configure({NAME: {}}, contact="other@example.com")
    assert issued.ctl("reload").code == 0
    r = issued.ctl("account", "update")
    assert r.code == 0 and "other@example.com" in r.text, r
    assert accounts_at_ca(pebble) == 1


def test_another_contact_is_sent_by_itself(held, proxy):
    sent = []
    proxy.on_request = lambda r: sent.append(r.payload["contact"]) if "contact" in r.payload else None
    held.configure({NAME: {}}).start()
    held.deployed(NAME)
    held.stop()
    held.start()
    held.renew(NAME)
    assert sent == [["mailto:admin@example.com"]], "the CA has it from the registration"
    held.configure({NAME: {}}, contact="other@example.com")
    fault = proxy.answer("/my-account", 500, times=1)
    assert held.ctl("reload").code == 0
    held.renew(NAME)
    held.says("the account still has another contact than the configured one")
    assert [r.payload for r in fault.hits] == [{"contact": ["mailto:other@example.com"]}]
    held.stop()
    held.start()
    held.renew(NAME)
    held.says("the account has the configured contact")
    assert sent[1:] == [["mailto:other@example.com"]]
    held.stop()
    held.start()
    held.renew(NAME)
    assert len(sent) == 2 and proxy.count("/sign-me-up") == 1


@pytest.mark.smoke
def test_another_key(issued, pebble):
    before = account(issued)
    r = issued.ctl("account", "rollover")
    assert r.code == 0 and "new key" in r.text, r
    after = account(issued)
    assert after["thumbprint"] != before["thumbprint"] and after["url"] == before["url"]
    assert keys(issued) == ["key.old.pem", "key.pem"]
    issued.renew(NAME)
    issued.stop()
    issued.start()
    assert account(issued)["thumbprint"] == after["thumbprint"]
    issued.renew(NAME)
    assert accounts_at_ca(pebble) == 1


@pytest.mark.parametrize("kind", ["ecdsa-p384", "rsa-2048", "rsa-4096"])
def test_key_of_another_type(acmed, kind):
    acmed.configure({NAME: {}}, ca={"account_key": kind}).start()
    acmed.deployed(NAME, seconds=90)
    a = account(acmed)
    assert a["key_type"] == a["account_key"] == kind
    assert f"key         {kind}\n" in acmed.ctl("account", "show").out
    acmed.configure({NAME: {}}).stop()
    acmed.start()
    acmed.renew(NAME)
    assert account(acmed)["key_type"] == kind and account(acmed)["account_key"] == "ecdsa-p256"
    assert f"{kind}, not ecdsa-p256 as account_key says" in acmed.ctl("account", "show").out
    (ca,) = acmed.ctl("status", "--json").json["daemon"]["cas"]
    assert any("acmectl account rollover pebble" in n for n in ca["notes"]), ca
    assert acmed.ctl("account", "rollover").code == 0
    assert account(acmed)["key_type"] == "ecdsa-p256" and account(acmed)["url"] == a["url"]
    acmed.renew(NAME)
    acmed.configure({NAME: {}}, ca={"account_key": kind})
    assert acmed.ctl("reload").code == 0
    assert acmed.ctl("account", "rollover").code == 0
    assert account(acmed)["key_type"] == kind
    acmed.renew(NAME)
    (ca,) = acmed.ctl("status", "--json").json["daemon"]["cas"]
    assert not any("rollover" in n for n in ca["notes"]), ca


def test_wrong_type_of_key(acmed):
    acmed.configure({NAME: {}}, ca={"account_key": "ed25519"})
    r = acmed.check()
    assert r.code == 2 and 'account_key: "ed25519" is none of ecdsa-p256' in r.text, r


@pytest.mark.parametrize("after", [False, True], ids=["not-heard", "heard"])
def test_killed_while_the_key_changes(held, proxy, pebble, after):
    """Whether or not the CA has heard of it: the right one of both keys is kept."""
    held.configure({NAME: {}}).start()
    held.deployed(NAME)
    before = account(held)
    hold = proxy.hold("/rollover-account-key", after=after)
    asking = threading.Thread(target=held.ctl, args=("account", "rollover"))
    asking.start()
    hold.wait()
    assert keys(held) == ["key.pem", "next.pem"]
    held.kill()
    hold.drop()
    asking.join()
    held.start()
    held.renew(NAME)
    now = account(held)
    assert now["state"] == "registered" and now["url"] == before["url"]
    assert (now["thumbprint"] != before["thumbprint"]) == after
    assert "next.pem" not in keys(held)
    assert accounts_at_ca(pebble) == 1


def test_a_ca_that_refuses_another_key(held, proxy):
    held.configure({NAME: {}}).start()
    held.deployed(NAME)
    before = account(held)
    proxy.answer("/rollover-account-key", 403, problem="unauthorized", times=1)
    r = held.ctl("account", "rollover")
    assert r.code == 1 and "unauthorized" in r.text, r
    assert account(held)["thumbprint"] == before["thumbprint"]
    held.renew(NAME)
    proxy.answer("/rollover-account-key", 500, times=1)
    assert held.ctl("account", "rollover").code == 1
    held.renew(NAME)
    assert account(held)["thumbprint"] == before["thumbprint"]


def test_the_end(issued, pebble):
    r = issued.ctl("account", "deactivate")
    assert r.code == 2 and "--yes" in r.text, r
    before = account(issued)
    r = issued.ctl("account", "deactivate", "--yes")
    assert r.code == 0, r
    assert account(issued)["state"] == "deactivated"
    assert "deactivated" in issued.status(NAME)["alarm"] and issued.ctl("status", "--check").code == 1
    assert "the account with the CA pebble was deactivated" in issued.ctl("history", NAME).out
    assert issued.ctl("renew", "now", NAME, "--force").code == 1
    issued.stop()
    issued.start()
    r = issued.ctl("renew", "now", NAME, "--force")
    assert r.code == 1 and "deactivated" in r.text, r
    status = issued.status()
    assert status["certificates"][0]["last_error"]["class"] == "permanent"
    assert "deactivated" in status["certificates"][0]["last_error"]["text"]
    assert account(issued)["thumbprint"] == before["thumbprint"]
    assert accounts_at_ca(pebble) == 1, "never a silent new one"
    # A person who wants another one says so.
    (issued.state / "accounts/pebble").rename(issued.state / "accounts/pebble.gone")
    assert issued.ctl("reload").code == 0
    wait_for(lambda: issued.generation(NAME) == 2 or issued.ctl("renew", NAME, "--force").code == 0, "a new account")
    assert accounts_at_ca(pebble) == 2


@pytest.mark.parametrize("times", [1, 2], ids=["sent-again", "lost"])
def test_the_end_that_was_heard(held, proxy, times):
    """The CA deactivates the account and its reply is lost; what is sent after that is refused, as the account is at its end."""
    held.configure({NAME: {}}).start()
    held.deployed(NAME)
    cut = proxy.add(Cut("/my-account", 0, times=times))
    r = held.ctl("account", "deactivate", "--yes")
    assert r.code == 0 and account(held)["state"] == "deactivated", r
    assert cut.hits
    held.says("the account was deactivated here, as somebody asked")
    assert json.loads((held.state / "accounts/pebble/account.json").read_text())["status"] == "deactivated"


def test_strangers_may_not(issued):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    for words in (["update"], ["rollover"], ["deactivate", "--yes"]):
        assert issued.ctl("account", *words, user=65533).code == 4
    assert issued.ctl("account", "show", user=65533).code == 0
