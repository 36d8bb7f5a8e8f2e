# SPDX-License-Identifier: MIT
"""dns-01 and its hooks, with the DNS server of Pebble's tests, which is no real one: nothing is looked up (test_dns_servers.py)."""

import json
import os
import signal

import pytest

from harness.net import http, names_of
from harness.wait import wait_for

NAME = "www.example.com"


@pytest.fixture
def zone(script, place, dns):
    """hook(kind): a dns_hook of that convention, which writes to the DNS server and notes its arguments in `calls`."""
    class Zone:
        calls = place / "calls"

        def hook(self, kind, more=""):
            action, name, value = ('"$1"', '"${2%.}"', '"$3"') if kind != "dehydrated" else ('"$1"', '"_acme-challenge.$2"', '"$4"')
            return f"{kind}:" + str(script("dns-hook", f"""
echo "$@" >>{self.calls}
{more}
case {action} in
present|deploy_challenge) path=set-txt ;;
*) path=clear-txt ;;
esac
name={name}
exec curl -sSf -d "{{\\"host\\": \\"$name.\\", \\"value\\": \\"{value.strip('"')}\\"}}" http://127.0.0.1:{dns.management}/$path
"""))

        def lines(self):
            return self.calls.read_text().splitlines() if self.calls.exists() else []

        def cleaned(self):
            done = [l for l in self.lines() if l.startswith("clean")]
            return done if len(done) == len([l for l in self.lines() if not l.startswith("clean")]) else None
    return Zone()


@pytest.mark.parametrize("kind", ["exec", "lego", "dehydrated"])
def test_the_hook_sets_and_removes(acmed, pebble, zone, kind):
    acmed.configure({NAME: {"domains": f"{NAME} example.com", "challenge": "dns-01", "dns_hook": zone.hook(kind)}}, http_listen="off", dns_resolver="off").start()
    assert names_of(acmed.issued(NAME)) == ["example.com", NAME]
    wait_for(zone.cleaned, "the records to be removed")
    first = next(l for l in zone.lines() if NAME in l)
    if kind == "dehydrated":
        word, domain, token, value = first.split()
        assert (word, domain) == ("deploy_challenge", NAME) and token and len(value) == 43
    else:
        word, name, value = first.split()
        assert word == "present" and name == f"_acme-challenge.{NAME}" + ("." if kind == "lego" else "") and len(value) == 43
    wait_for(lambda: '"published": null' in (acmed.state / f"state/{NAME}.json").read_text(), "the journal to forget them")


def test_a_wildcard_and_the_name_below_it(acmed, pebble, zone, make_nginx, http_port):
    """Two authorizations with records of the same name; all hosts that the wildcard covers are redirected and verified."""
    nginx = make_nginx(acmed, "wild")
    acmed.configure({"wild": {"domains": "*.example.com example.com", "challenge": "dns-01", "dns_hook": zone.hook("exec"),
                              "hook": nginx.reload_command(), "verify": f"127.0.0.1:{nginx.port}"}}, dns_resolver="off").start()
    assert names_of(acmed.issued("wild")) == ["*.example.com", "example.com"]
    wait_for(zone.cleaned, "the records to be removed")
    set_ = [l.split() for l in zone.lines() if l.startswith("present")]
    assert {l[1] for l in set_} == {"_acme-challenge.example.com"} and len({l[2] for l in set_}) == 2
    assert acmed.deployed("wild", seconds=90)["deploy"]["served_at"] > 0
    assert http(http_port, "/a", "any.example.com")[1]["Location"] == "https://any.example.com/a"
    for host, status in {"example.com": 302, "a.b.example.com": 404, "example.org": 404, ".example.com": 404}.items():
        assert http(http_port, "/a", host)[0] == status, host


def test_a_hook_that_fails_is_told(acmed, pebble, zone):
    acmed.configure({NAME: {"challenge": "dns-01", "dns_hook": zone.hook("exec", 'echo "no such zone"; exit 3')}}, dns_resolver="off").start()
    status = acmed.failed(NAME)
    text = status["last_error"]["text"]
    assert "the record for www.example.com could not be set: dns_hook: " in text
    assert text.endswith("exited with status 3; it said: no such zone")
    assert status["last_error"]["class"] == "transient"


def test_records_are_removed_after_a_crash(acmed, pebble, zone, place):
    """Killed while the hook runs: the next start takes back what was set and sets it anew."""
    stuck = place / "stuck"
    stuck.touch()
    hook = zone.hook("exec", f"while [ $1 = present ] && [ -e {stuck} ]; do sleep 0.05; done")
    acmed.configure({NAME: {"challenge": "dns-01", "dns_hook": hook}}, dns_resolver="off").start()
    wait_for(zone.lines, "the hook to run")
    os.kill(acmed.children()["acmed-engine"], signal.SIGKILL)
    stuck.unlink()
    acmed.issued(NAME)
    wait_for(lambda: {l.split()[2] for l in zone.lines() if l.startswith("present")} == {l.split()[2] for l in zone.lines() if l.startswith("cleanup")},
             "every record to be removed")


def test_a_record_is_not_removed_and_set_at_once(acmed, pebble, zone, place):
    """An order that is resumed has the same token: its record is set when the removal after the first attempt is over, and that removal
    is not tried again under its hands."""
    stuck, once = place / "stuck", place / "once"
    stuck.touch()
    hook = zone.hook("exec", f"""
if [ $1 = present ] && [ ! -e {once} ]; then touch {once}; exit 3; fi
while [ $1 = cleanup ] && [ -e {stuck} ]; do sleep 0.05; done
echo "went on: $1" >>{zone.calls}
""")
    acmed.configure({NAME: {"challenge": "dns-01", "dns_hook": hook}}, dns_resolver="off").start()
    wait_for(lambda: [l for l in zone.lines() if l.startswith("cleanup")], "the removal to begin")
    assert acmed.ctl("renew", NAME, "--no-wait").code == 0
    wait_for(lambda: (s := acmed.status(NAME))["state"] == "ordering" and "challenge" in s["next_action"], "the order to be resumed")
    stuck.unlink()
    acmed.issued(NAME)
    wait_for(lambda: '"published": null' in (acmed.state / f"state/{NAME}.json").read_text(), "the journal to forget it")
    assert [l.split()[-1] if l.startswith("went") else l.split()[0].upper() for l in zone.lines()] == [
        "PRESENT", "CLEANUP", "cleanup", "PRESENT", "present", "CLEANUP", "cleanup"]


@pytest.mark.parametrize("record", ["nonsense", "pebble half", "other-ca www.example.com token", "pebble old.example.com token", "pebble www.example.com token @webroot"])
def test_what_cannot_be_removed_any_more_is_told_once(acmed, pebble, zone, record):
    """A note that is damaged, or of a CA, a name or a way that is not configured any more: said, and given up."""
    acmed.configure({NAME: {"challenge": "dns-01", "dns_hook": zone.hook("exec")}}, dns_resolver="off").start()
    acmed.issued(NAME)
    wait_for(zone.cleaned, "the record to be removed")
    assert acmed.stop() == 0
    file = acmed.state / f"state/{NAME}.json"
    journal = json.loads(file.read_text())
    journal["published"] = {"at": 1800000000, "records": [record]}
    file.write_text(json.dumps(journal))
    acmed.start()
    wait_for(lambda: json.loads(file.read_text())["published"] is None, "the note to be given up")
    assert acmed.status(NAME)["generation"] == 1
    acmed.says(f'("{record}"): ')
