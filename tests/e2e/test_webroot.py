# SPDX-License-Identifier: MIT
"""http-01 where another server has port 80: the answers are files that it serves."""

import os

import pytest

from conftest import mode
from harness.net import http, names_of
from harness.wait import wait_for

NAME = "www.example.com"


@pytest.fixture
def pebble(make_pebble):
    """One that refuses no nonces: what is held here is to be what the CA made of a request."""
    return make_pebble(env={"PEBBLE_WFE_NONCEREJECT": "0"})


@pytest.fixture
def webroot(place):
    d = place / "html"
    d.mkdir()
    d.chmod(0o755)
    return d


@pytest.fixture
def serving(acmed, webroot, make_nginx, http_port):
    """acmed without a port, and nginx that has the CA's and serves the directory."""
    make_nginx(acmed, NAME, http_port=http_port, extra=f"location /.well-known/acme-challenge/ {{ root {webroot}; }}")
    return acmed


def tokens(webroot):
    d = webroot / ".well-known/acme-challenge"
    return sorted(d.iterdir()) if d.exists() else []


def test_files_are_served_and_removed(serving, webroot, http_port):
    serving.configure({NAME: {"domains": f"{NAME} example.com", "webroot": webroot}}, http_listen="off").start()
    assert names_of(serving.issued(NAME)) == ["example.com", NAME]
    wait_for(lambda: tokens(webroot) == [], "the files to be removed")
    wait_for(lambda: '"published": null' in (serving.state / f"state/{NAME}.json").read_text(), "the journal to forget them")
    assert mode(webroot / ".well-known/acme-challenge") == 0o755
    assert http(http_port, "/.well-known/acme-challenge/x", NAME)[0] == 404


@pytest.mark.parametrize("after", [False, True], ids=["not-validated", "validated"])
def test_files_are_removed_after_a_crash(held, proxy, webroot, make_nginx, http_port, after):
    """What was written is known to the next start, whether the order still needs it or not."""
    make_nginx(held, NAME, http_port=http_port, extra=f"location /.well-known/acme-challenge/ {{ root {webroot}; }}")
    hold = proxy.hold("/chalZ", after)
    held.configure({NAME: {"webroot": webroot}}, http_listen="off").start()
    hold.wait()
    if after:
        wait_for(lambda: "set VALID" in proxy.pebble.log, "the validation")
    written = tokens(webroot)
    assert len(written) == 1 and mode(written[0]) == 0o644 and written[0].read_text().startswith(written[0].name + ".")
    held.kill()
    assert tokens(webroot) == written
    hold.drop()
    held.start()
    held.issued(NAME)
    wait_for(lambda: tokens(webroot) == [], "the files to be removed")


def test_a_link_is_refused(serving, webroot, place):
    other = place / "other"
    other.mkdir()
    (webroot / ".well-known").symlink_to(other)
    serving.configure({NAME: {"webroot": webroot}}, http_listen="off").start()
    status = wait_for(lambda: (s := serving.status(NAME))["last_error"] and s, "an error to be shown")
    assert f"the challenge for {NAME} could not be answered: " in status["last_error"]["text"]
    assert f"{webroot}/.well-known is not a directory" in status["last_error"]["text"]
    assert os.listdir(other) == []


def test_what_a_webroot_may_be(acmed, webroot, place):
    def says(directory, **more):
        acmed.configure({NAME: {"webroot": directory, **more}}, http_listen="off")
        return acmed.check().text
    assert "webroot" not in says(webroot)
    assert "no such directory" in says(place / "missing").lower() or "No such file" in says(place / "missing")
    (place / "link").symlink_to(webroot)
    assert f"is reached through a symbolic link: write {webroot}" in says(place / "link")
    webroot.chmod(0o777)
    assert "can be written by everybody" in says(webroot)
    assert "not an absolute path" in says("html")
    assert "webroot is for http-01" in says(webroot, challenge="dns-01", dns_hook="exec:/bin/true")
