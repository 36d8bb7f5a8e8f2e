# SPDX-License-Identifier: MIT
"""DNS challenges with real authoritative servers: the CA is told when all of them have the records."""

import pytest

from conftest import needs_root
from harness.knot import Knot, free_address
from harness.net import names_of
from harness.wait import wait_for

pytestmark = needs_root

NAME = "www.example.com"
CHALLENGE = f"_acme-challenge.{NAME}"


@pytest.fixture
def make_knot(place, ending):
    def make(ip=None, zones=None, servers=None, name="knot"):
        ip = ip or free_address()
        knot = Knot(place / name, ip, zones or {"example.com": []}, servers or {"ns1.example.com.": ip})
        ending(knot.stop)
        return knot
    return make


@pytest.fixture
def knot(make_knot):
    return make_knot()


@pytest.fixture
def hook(script, place):
    """hook(knot): a program that sets records there, and notes its words in `calls`."""
    def make(knot, more=""):
        return "exec:" + str(script("dns-hook", f"""
echo "$@ $ACMED_DNS_NAME $ACMED_DNS_TARGET" >>{place}/calls
{more}
case $1 in present) verb=add ;; *) verb=delete ;; esac
printf 'server {knot.ip} 53\\nupdate %s %s. 1 TXT "%s"\\nsend\\n' $verb $2 $3 | exec nsupdate -k {knot.key}
"""))
    return make


@pytest.fixture
def calls(place):
    return lambda: [line.split() for line in (place / "calls").read_text().splitlines()] if (place / "calls").exists() else []


@pytest.fixture
def make_client(make_pebble, make_acmed):
    """acmed and a CA which both ask this server."""
    def make(knot, **options):
        acmed = make_acmed(make_pebble(dns=knot))
        acmed.settings = {"http_listen": "off", "dns_resolver": knot.address, **options}
        return acmed
    return make


def test_records_are_set_and_removed(make_client, knot, hook, calls):
    acmed = make_client(knot)
    acmed.configure({NAME: {"domains": f"{NAME} example.com *.example.com", "challenge": "dns-01", "dns_hook": hook(knot)}}, **acmed.settings).start()
    assert names_of(acmed.issued(NAME)) == ["*.example.com", "example.com", NAME]
    wait_for(lambda: len([c for c in calls() if c[0] == "cleanup"]) == 3, "the records to be removed")
    for name in (CHALLENGE, "_acme-challenge.example.com"):
        wait_for(lambda n=name: knot.ask("TXT", n) == [], f"{name} to be gone")
    engine = acmed.status()["daemon"]["confinement"]["engine"]
    assert engine.get("unknown_syscalls", 0) == 0, engine


def test_all_servers_must_have_it(make_client, make_knot, hook):
    """The second server lags behind; a third one is down, and not waited for."""
    a, b, gone = free_address(), free_address(), free_address()
    servers = {"ns1.example.com.": a, "ns2.example.com.": b, "ns3.example.com.": gone}
    first, second = make_knot(a, servers=servers, name="first"), make_knot(b, servers=servers, name="second")
    acmed = make_client(first)
    acmed.configure({NAME: {"challenge": "dns-01", "dns_hook": hook(first)}}, **acmed.settings).start()
    acmed.says(f"ns2.example.com ({b}) has no TXT record at {CHALLENGE}")
    assert "POST /chalZ/" not in acmed.ca.log
    value, = first.ask("TXT", CHALLENGE)
    second.update(f'update add {CHALLENGE}. 1 TXT "of something else"')
    acmed.says(f"ns2.example.com ({b}) has other TXT records at {CHALLENGE}")
    assert "POST /chalZ/" not in acmed.ca.log
    second.update(f'update add {CHALLENGE}. 1 TXT "{value}"')
    acmed.issued(NAME)
    assert "POST /chalZ/" in acmed.ca.log


def test_aliases_are_followed(make_client, make_knot, hook, calls):
    """_acme-challenge is delegated by a CNAME: that is where the record is set, looked for, and removed."""
    zones = {"example.com": ["_acme-challenge.www CNAME other.delegated", "other.delegated CNAME validation.delegated"]}
    knot = make_knot(zones=zones)
    acmed = make_client(knot)
    acmed.configure({NAME: {"challenge": "dns-01", "dns_hook": hook(knot)}}, **acmed.settings).start()
    acmed.issued(NAME)
    wait_for(lambda: [c[0] for c in calls()] == ["present", "cleanup"], "the record to be removed")
    for _, place, _, name, target in calls():
        assert (place, name, target) == ("validation.delegated.example.com", CHALLENGE, "validation.delegated.example.com")
    wait_for(lambda: knot.ask("TXT", "validation.delegated.example.com") == [], "the record to be gone")


def test_a_name_outside_the_dns(make_client, knot, hook, calls):
    acmed = make_client(knot)
    acmed.configure({"www.example.org": {"challenge": "dns-01", "dns_hook": hook(knot)}}, **acmed.settings).start()
    status = wait_for(lambda: (s := acmed.status("www.example.org"))["last_error"] and s, "an error to be shown", 60)
    assert "where _acme-challenge.www.example.org lies in the DNS cannot be found" in status["last_error"]["text"]
    assert status["last_error"]["class"] == "transient" and calls() == []


def test_aliases_without_end(make_client, make_knot, hook, calls):
    knot = make_knot(zones={"example.com": ["_acme-challenge.www CNAME a", "a CNAME _acme-challenge.www"]})
    acmed = make_client(knot)
    acmed.configure({NAME: {"challenge": "dns-01", "dns_hook": hook(knot)}}, **acmed.settings).start()
    status = wait_for(lambda: (s := acmed.status(NAME))["last_error"] and s, "an error to be shown", 60)
    assert "CNAME records lead on from one to the next" in status["last_error"]["text"] and calls() == []
