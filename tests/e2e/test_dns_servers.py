# SPDX-License-Identifier: MIT
"""DNS challenges with real authoritative servers: the CA is told when all of them have the records."""

import base64
import hashlib
import json
import re

import pytest

from conftest import needs_root
from harness.ca import PEBBLE
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
    acmed.says("the DNS records are not at all servers of their zone yet: ns2.example.com")
    value, = wait_for(lambda: first.ask("TXT", CHALLENGE), "the first server's answer")
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


def test_aliases_lead_no_further_than_they_may(make_client, make_knot, hook, calls):
    """dns_delegation: an alias to elsewhere is refused before anything is set; a reload that allows the place goes on at once."""
    knot = make_knot(zones={"example.com": ["_acme-challenge.www CNAME validation.delegated"]})
    acmed = make_client(knot)
    keys = {"challenge": "dns-01", "dns_hook": hook(knot), "dns_delegation": "acme.example.net other.example.com"}
    acmed.configure({NAME: keys}, **acmed.settings).start()
    error = wait_for(lambda: acmed.status(NAME)["last_error"], "an error to be shown")
    assert (f"the record for {NAME} is not set: CNAME records lead from the name of the record for {NAME} to validation.delegated.example.com, "
            f"where `dns_delegation = acme.example.net other.example.com` of [certificate {NAME}] lets none be set") in error["text"]
    assert error["class"] == "configuration" and calls() == []
    wait_for(lambda: acmed.journal(NAME)["published"] is None, "the journal to tell of none")
    acmed.configure({NAME: {**keys, "dns_delegation": "delegated.example.com"}}, **acmed.settings)
    assert acmed.ctl("reload").code == 0
    acmed.issued(NAME)
    assert "validation.delegated.example.com" in calls()[0]
    wait_for(lambda: knot.ask("TXT", "validation.delegated.example.com") == [], "the record to be gone")


def test_a_place_that_is_allowed_no_more_is_left_to_a_person(make_client, make_knot, hook, calls, place):
    """Set, killed, and dns_delegation is narrower since: said once, with the place, and not tried for ever."""
    knot = make_knot(zones={"example.com": ["_acme-challenge.www CNAME old.delegated"]})
    stuck = place / "stuck"
    stuck.touch()
    acmed = make_client(knot)
    keys = {"challenge": "dns-01", "dns_hook": hook(knot, f"while [ $1 = present ] && [ -e {stuck} ]; do sleep 0.05; done")}
    acmed.configure({NAME: keys}, **acmed.settings).start()
    wait_for(calls, "the hook to run")
    acmed.kill()
    stuck.unlink()
    knot.update(f"update delete {CHALLENGE}. CNAME")
    acmed.configure({NAME: {**keys, "dns_delegation": "off"}}, **acmed.settings).start()
    acmed.issued(NAME)
    wait_for(lambda: '"published": null' in (acmed.state / f"state/{NAME}.json").read_text(), "the journal to forget them")
    assert [c[1] for c in calls() if c[0] == "cleanup"] == [CHALLENGE]
    left = re.compile(r'is left where it is \("pebble www.example.com \S+ old.delegated.example.com.*"\): its CA, its name, its place')
    wait_for(lambda: left.search(acmed.text()), "it to be told")


def test_what_was_set_is_removed_where_it_was_set(make_client, make_knot, hook, calls, place):
    """Killed, and the alias leads elsewhere since: the journal knows the old place."""
    knot = make_knot(zones={"example.com": ["_acme-challenge.www CNAME old.delegated"]})
    stuck = place / "stuck"
    stuck.touch()
    acmed = make_client(knot)
    acmed.configure({NAME: {"challenge": "dns-01", "dns_hook": hook(knot, f"while [ $1 = present ] && [ -e {stuck} ]; do sleep 0.05; done")}}, **acmed.settings).start()
    wait_for(calls, "the hook to run")
    acmed.kill()
    stuck.unlink()
    knot.update(f"update delete {CHALLENGE}. CNAME", f"update add {CHALLENGE}. 1 CNAME new.delegated.example.com.")
    acmed.start()
    acmed.issued(NAME)
    both = {"old.delegated.example.com", "new.delegated.example.com"}
    wait_for(lambda: {c[1] for c in calls() if c[0] == "cleanup"} == both, "both places to be cleaned")


def test_a_name_outside_the_dns(make_client, knot, hook, calls):
    acmed = make_client(knot)
    acmed.configure({"www.example.org": {"challenge": "dns-01", "dns_hook": hook(knot)}}, **acmed.settings).start()
    status = acmed.failed("www.example.org", 60)
    assert "where _acme-challenge.www.example.org lies in the DNS cannot be found" in status["last_error"]["text"]
    assert status["last_error"]["class"] == "transient" and calls() == []


def test_aliases_without_end(make_client, make_knot, hook, calls):
    knot = make_knot(zones={"example.com": ["_acme-challenge.www CNAME a", "a CNAME _acme-challenge.www"]})
    acmed = make_client(knot)
    acmed.configure({NAME: {"challenge": "dns-01", "dns_hook": hook(knot)}}, **acmed.settings).start()
    status = acmed.failed(NAME, 60)
    assert "CNAME records lead on from one to the next" in status["last_error"]["text"] and calls() == []


def test_a_record_of_the_account(make_client, make_knot, hook, calls):
    """dns-account-01: a name of the account's own, which may be an alias of its own as well."""
    if b"dns-account-01" not in (PEBBLE / "pebble").read_bytes():
        pytest.skip("this Pebble does not offer dns-account-01")
    knot = make_knot()
    acmed = make_client(knot)
    acmed.configure({NAME: {"domains": f"{NAME} *.example.com", "challenge": "dns-account-01", "dns_hook": hook(knot)}}, **acmed.settings).start()
    assert names_of(acmed.issued(NAME)) == ["*.example.com", NAME]
    url = json.loads((acmed.state / "accounts/pebble/account.json").read_text())["url"]
    label = "_" + base64.b32encode(hashlib.sha256(url.encode()).digest()[:10]).decode().lower()
    assert f"DNS label   {label}\n" in acmed.ctl("account", "show").out
    assert {c[1] for c in calls() if c[0] == "present"} == {f"{label}.{CHALLENGE}", f"{label}._acme-challenge.example.com"}
    wait_for(lambda: len([c for c in calls() if c[0] == "cleanup"]) == 2, "the records to be removed")


def test_a_record_that_stays(make_client, knot):
    """dns-persist-01: acmed says what is to be published, and sees that it is."""
    if b"dns-persist-01" not in (PEBBLE / "pebble").read_bytes():
        pytest.skip("this Pebble does not offer dns-persist-01")
    acmed = make_client(knot, experimental="dns-persist-01")
    acmed.configure({NAME: {"domains": f"{NAME} *.example.com", "challenge": "dns-persist-01"}}, **acmed.settings).start()
    status = acmed.failed(NAME)
    assert "2 records are missing, the first of them: publish this record" in status["last_error"]["text"]
    url = json.loads((acmed.state / "accounts/pebble/account.json").read_text())["url"]
    shown = acmed.ctl("show", NAME).text
    assert "To publish  these records, once; they may stay:\n" in shown and not acmed.status(NAME)["to_publish_unseen"]
    records = [line for line in shown.splitlines() if line.startswith("_validation-persist.")]
    assert sorted(records) == sorted(acmed.status(NAME)["to_publish"]) and len(records) == 2
    for name, policy in {f"_validation-persist.{NAME}": "", "_validation-persist.example.com": "; policy=wildcard"}.items():
        record = next(r for r in records if r.startswith(f"{name}. TXT "))
        assert record.endswith(f'; accounturi={url}{policy}"')
        acmed.says(record)
        knot.update("update add " + record.replace(" TXT ", " 1 TXT "))
        if not policy:
            assert acmed.renew(NAME, code=1)
            assert [r.split(". ")[0] for r in acmed.status(NAME)["to_publish"]] == ["_validation-persist.example.com"]
            wait_for(lambda: len(acmed.journal(NAME)["to_publish"]) == 1, "it to be on disk")
            acmed.kill()
            acmed.start()
            assert len(acmed.status(NAME)["to_publish"]) == 1, "a restart knows what is to be done"
    acmed.renew(NAME)
    assert names_of(acmed.issued(NAME)) == ["*.example.com", NAME]
    assert acmed.status(NAME)["to_publish"] == [] and "To publish" not in acmed.ctl("show", NAME).text


def test_a_record_that_stays_and_is_not_looked_for(make_client, knot):
    """Without a resolver only the CA tells that it is missing; what it is, is known all the same."""
    if b"dns-persist-01" not in (PEBBLE / "pebble").read_bytes():
        pytest.skip("this Pebble does not offer dns-persist-01")
    acmed = make_client(knot, experimental="dns-persist-01", dns_resolver="off")
    acmed.configure({NAME: {"challenge": "dns-persist-01"}}, **acmed.settings).start()
    acmed.failed(NAME)
    [record] = acmed.status(NAME)["to_publish"]
    shown = " ".join(acmed.ctl("show", NAME).text.split())
    assert acmed.status(NAME)["to_publish_unseen"] and "this record, once, if it is not there (dns_resolver = off: acmed does not look)" in shown
    assert record.startswith(f"_validation-persist.{NAME}. TXT ")
    knot.update("update add " + record.replace(" TXT ", " 1 TXT "))
    acmed.renew(NAME)
    assert acmed.issued(NAME) and acmed.status(NAME)["to_publish"] == []
    assert "To publish" not in acmed.ctl("show", NAME).text


# -- what sets records without a program of the administrator's -----------------------------------------------------


def test_dynamic_updates(make_client, knot):
    """rfc2136: nsupdate, signed with the zone's key."""
    acmed = make_client(knot)
    acmed.configure({NAME: {"domains": f"*.example.com {NAME}", "challenge": "dns-01", "dns_hook": f"rfc2136:{knot.ip} {knot.key}"}}, **acmed.settings).start()
    acmed.issued(NAME)
    for name in (CHALLENGE, "_acme-challenge.example.com"):
        wait_for(lambda n=name: knot.ask("TXT", n) == [], f"{name} to be gone")
    wait_for(lambda: '"published": null' in (acmed.state / f"state/{NAME}.json").read_text(), "the journal to forget them")


def test_an_update_that_is_refused(make_client, knot, place):
    other = place / "other.key"
    other.write_text(knot.key.read_text().replace("c2Vj", "b3Ro"))
    other.chmod(0o600)
    acmed = make_client(knot)
    acmed.configure({NAME: {"challenge": "dns-01", "dns_hook": f"rfc2136:{knot.ip}:53 {other}"}}, **acmed.settings).start()
    status = acmed.failed(NAME)
    assert "the record for www.example.com could not be set: dns_hook: /usr/bin/nsupdate exited with status 2; it said: " in status["last_error"]["text"]
    assert knot.SECRET not in acmed.text()


def test_the_key_is_kept_well(make_client, knot):
    acmed = make_client(knot)
    acmed.configure({NAME: {"challenge": "dns-01", "dns_hook": f"rfc2136:{knot.ip} {knot.key}"}}, **acmed.settings)
    knot.key.chmod(0o640)
    assert f"dns_hook of [certificate {NAME}]: {knot.key}: can be read or written by others (mode 0640)" in acmed.check().text
    knot.key.chmod(0o600)
    assert acmed.check().code == 0
    knot.key.unlink()
    assert "No such file" in acmed.check().text


def test_what_is_not_removed_yet_holds_up_a_change_of_the_key(make_client, knot, hook, place):
    """It is found again by the key it was made with; when it is gone the key may change."""
    stuck = place / "stuck"
    stuck.touch()
    acmed = make_client(knot)
    acmed.configure({NAME: {"challenge": "dns-01", "dns_hook": hook(knot, f"if [ $1 = cleanup ] && [ -e {stuck} ]; then exit 1; fi")}}, **acmed.settings).start()
    acmed.deployed(NAME)
    acmed.says(f"what answered the challenge for {NAME} could not be removed")
    r = acmed.ctl("account", "rollover")
    assert r.code == 1 and f"what answered a challenge for {NAME} is still being removed" in " ".join(r.text.split()), r
    assert len(wait_for(lambda: knot.ask("TXT", CHALLENGE), "the server's answer")) == 1
    stuck.unlink()
    acmed.kill()
    acmed.start()  # which tries it at once
    wait_for(lambda: knot.ask("TXT", CHALLENGE) == [], "the record to be gone")
    r = wait_for(lambda: (r := acmed.ctl("account", "rollover")).code == 0 and r, "the note to be gone, too")
    acmed.renew(NAME)


ACME_SH = r"""#!/usr/bin/env sh
# A stand-in for acme.sh: what its DNS scripts use, and its way of calling main at the end.
_initpath() {
  ACCOUNT_CONF_PATH="$LE_CONFIG_HOME/account.conf"; [ ! -f "$ACCOUNT_CONF_PATH" ] || . "$ACCOUNT_CONF_PATH"
  [ "$1" ] || return 0
  DOMAIN_PATH="$LE_CONFIG_HOME/$1"; [ -d "$DOMAIN_PATH" ] || DOMAIN_PATH="${DOMAIN_PATH}_ecc"
  DOMAIN_CONF="$DOMAIN_PATH/$1.conf"
}
_info() { printf '%s\n' "$1"; }
_err() { printf '%s\n' "$1" >&2; return 1; }
_debug() { :; }
_readaccountconf_mutable() { sed -n "s/^SAVED_$1='\(.*\)'$/\1/p" "$ACCOUNT_CONF_PATH"; }
_saveaccountconf_mutable() { grep -q "^SAVED_$1=" "$ACCOUNT_CONF_PATH" || echo "SAVED_$1='$2'" >>"$ACCOUNT_CONF_PATH"; }
_clearaccountconf_mutable() { sed -i "/^SAVED_$1=/d" "$ACCOUNT_CONF_PATH"; }
_readdomainconf() { [ ! -f "$DOMAIN_CONF" ] || sed -n "s/^$1='\(.*\)'$/\1/p" "$DOMAIN_CONF"; }
_savedomainconf() { [ "$DOMAIN_CONF" ] || { _err "Config file is empty, cannot save $1"; return 1; }; echo "$1='$2'" >"$DOMAIN_CONF"; }
_post() { curl -sSf -d "$1" "$2"; }
showhelp() { echo "usage: acme.sh ..."; }
_process() { echo "this is no call of acmed's" >&2; return 1; }
main() {
  [ -z "$1" ] && showhelp && return
  case "$1" in -*) _process "$@" ;; *) "$@" ;; esac
}
main "$@"
"""

DNS_TEST = r"""#!/usr/bin/env sh
dns_test_add() {
  fulldomain="$1"
  txtvalue="$2"
  TEST_Url="${TEST_Url:-$(_readaccountconf_mutable TEST_Url)}"
  if [ -z "$TEST_Url" ]; then
    _err "You didn't specify TEST_Url."
    return 1
  fi
  _saveaccountconf_mutable TEST_Url "$TEST_Url"
  _info "Adding record"
  _post "{\"host\": \"$fulldomain.\", \"value\": \"$txtvalue\"}" "$TEST_Url/set-txt"
}
dns_test_rm() {
  TEST_Url="${TEST_Url:-$(_readaccountconf_mutable TEST_Url)}"
  _post "{\"host\": \"$1.\", \"value\": \"$2\"}" "$TEST_Url/clear-txt" && echo "removed $1" >>"$LE_WORKING_DIR/removed"
}
"""

# One that moves its credentials from the file of the account to that of the certificate.
DNS_MOVES = DNS_TEST.replace("dns_test", "dns_moves").replace("_saveaccountconf_mutable", "_savedomainconf").replace(
    "_readaccountconf_mutable TEST_Url)}", "_readaccountconf_mutable TEST_Url)}\"\n  _clearaccountconf_mutable TEST_Url\n  TEST_Url=\"${TEST_Url:-$(_readdomainconf TEST_Url)}")


@pytest.fixture
def acme_sh(place):
    d = place / "acme.sh home"
    (d / "dnsapi").mkdir(parents=True)
    (d / "acme.sh").write_text(ACME_SH)
    (d / "dnsapi/dns_test.sh").write_text(DNS_TEST)
    (d / "dnsapi/dns_moves.sh").write_text(DNS_MOVES)
    return d


def test_a_script_of_acme_sh(acmed, pebble, acme_sh, dns):
    (acme_sh / "account.conf").write_text(f"TEST_Url='http://127.0.0.1:{dns.management}'\n")
    acmed.configure({NAME: {"challenge": "dns-01", "dns_hook": f'acme.sh:dns_test "{acme_sh}"'}}, http_listen="off", dns_resolver="off").start()
    acmed.issued(NAME)
    wait_for(lambda: (acme_sh / "removed").exists() and (acme_sh / "removed").read_text() == f"removed {CHALLENGE}\n", "the record to be removed")
    assert "SAVED_TEST_Url='http://" in (acme_sh / "account.conf").read_text()


@pytest.mark.parametrize("directory", ["acmed", NAME, f"{NAME}_ecc"], ids=["never-issued", "issued", "issued-ecc"])
def test_a_script_that_keeps_its_credentials_per_certificate(acmed, pebble, acme_sh, dns, directory):
    """What it took out of the account's file is not lost."""
    kept = acme_sh / directory / f"{NAME}.conf"
    if directory != "acmed":
        kept.parent.mkdir()
        kept.write_text("Le_Domain='www.example.com'\n")
    (acme_sh / "account.conf").write_text(f"SAVED_TEST_Url='http://127.0.0.1:{dns.management}'\n")
    acmed.configure({NAME: {"challenge": "dns-01", "dns_hook": f'acme.sh:dns_moves "{acme_sh}"'}}, http_listen="off", dns_resolver="off").start()
    acmed.issued(NAME)
    assert "TEST_Url" not in (acme_sh / "account.conf").read_text() and "TEST_Url='http://" in kept.read_text()
    wait_for(lambda: (acme_sh / "removed").exists(), "the record to be removed with what was kept")


def test_a_script_that_fails(acmed, pebble, acme_sh):
    (acme_sh / "account.conf").write_text("")
    acmed.configure({NAME: {"challenge": "dns-01", "dns_hook": f'acme.sh:dns_test "{acme_sh}"'}}, http_listen="off", dns_resolver="off").start()
    status = acmed.failed(NAME)
    text = status["last_error"]["text"]
    assert text.endswith("acme.sh-dnsapi exited with status 1; it said: You didn't specify TEST_Url."), text


def test_files_of_acme_sh_are_checked(acmed, acme_sh):
    def says(hook):
        acmed.configure({NAME: {"challenge": "dns-01", "dns_hook": hook}}, http_listen="off")
        return acmed.check().text
    hook = f'acme.sh:dns_test "{acme_sh}"'
    assert "dns_hook" not in says(hook) and acmed.check().code == 0
    assert "dns_other.sh: No such file" in says(f'acme.sh:dns_other "{acme_sh}"')
    (acme_sh / "dnsapi/dns_test.sh").chmod(0o666)
    assert "dns_test.sh can be written by everybody" in says(hook)
    assert "acme.sh is neither in" in says("acme.sh:dns_test")
