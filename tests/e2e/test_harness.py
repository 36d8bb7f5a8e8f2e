# SPDX-License-Identifier: MIT
"""The tests' own tools, without acmed: when these fail, no other result means anything."""

import http.client
import json
import os
import pathlib
import ssl
import sys

import pytest

from harness.faults import Corrupt, Cut, Drip
from harness.net import free_port, names_of, served
from harness.process import alive, run
from harness.servers import placeholder


def get_bytes(port, path, cafile):
    c = http.client.HTTPSConnection("127.0.0.1", port, context=ssl.create_default_context(cafile=str(cafile)), timeout=10)
    c.request("GET", path, headers={"User-Agent": "acmed-tests"})
    return c.getresponse().read()


def get(port, path, cafile):
    c = http.client.HTTPSConnection("127.0.0.1", port, context=ssl.create_default_context(cafile=str(cafile)), timeout=10)
    c.request("GET", path, headers={"User-Agent": "acmed-tests"})
    r = c.getresponse()
    return r.status, r.read().decode()


def test_pebble_answers_with_the_certificate_made_for_it(pebble):
    status, text = get(pebble.port, "/dir", pebble.ca_file)
    assert status == 200
    assert f"https://127.0.0.1:{pebble.port}/order-plz" in text
    assert pebble.orders() == 0


def test_proxy_leads_all_urls_through_itself_and_can_be_away(proxy):
    status, text = get(proxy.port, "/dir", proxy.pebble.ca_file)
    assert status == 200
    assert f"https://127.0.0.1:{proxy.port}/order-plz" in text
    proxy.answer("/dir", 503, headers={"Retry-After": "7"})
    assert get(proxy.port, "/dir", proxy.pebble.ca_file)[0] == 503
    assert proxy.count("/dir") == 1
    proxy.stop()
    try:
        get(proxy.port, "/dir", proxy.pebble.ca_file)
        raise AssertionError("it still answers")
    except ConnectionError:
        pass
    proxy.start()
    assert get(proxy.port, "/dir", proxy.pebble.ca_file)[0] == 200


def test_proxy_breaks_replies_as_told(proxy):
    ca = (proxy.port, "/dir", proxy.pebble.ca_file)
    whole = get(*ca)[1]
    for at, reset in ((0, True), (0, False), (-1, True), (-1, False), (("body", 0.5), False)):
        cut = proxy.add(Cut("directory", at, reset))
        with pytest.raises(ConnectionError if at == 0 else (http.client.IncompleteRead, ConnectionError)):
            get(*ca)
        assert len(cut.hits) == 1
    proxy.add(Corrupt("directory", 0.5))
    wrong = get_bytes(*ca)
    assert len(wrong) == len(whole) and sum(a != b for a, b in zip(wrong, whole.encode())) == 1
    proxy.rewrite_json("directory", lambda d: d.update(newNonce="elsewhere"))
    assert json.loads(get(*ca)[1]) == {**json.loads(whole), "newNonce": "elsewhere"}
    drip = proxy.add(Drip("directory", 0.001))
    assert get(*ca)[1] == whole and drip.hits
    assert get(*ca)[1] == whole


def test_proxy_knows_what_is_asked_for(proxy):
    ca = (proxy.port, "/dir", proxy.pebble.ca_file)
    proxy.answer("newNonce", 503, "serverInternal", {"Retry-After": "soon"}, skip=1)
    directory = json.loads(get(*ca)[1])
    path = directory["newNonce"].split(str(proxy.port))[1]
    assert [get(proxy.port, path, proxy.pebble.ca_file)[0] for _ in range(3)] == [204, 503, 204]
    assert proxy.count(path) == 2


def test_web_servers_show_what_they_were_given(authority, place, make_haproxy, make_nginx):
    class NotYet:
        def live(self, name):
            return place / "nothing"

    nginx = make_nginx(NotYet(), "a.example.com")
    assert names_of(served(nginx.port, "a.example.com")) == ["a.example.com"]
    fullchain, key = placeholder(authority, place / "other", "b.example.com")
    before = served(nginx.port, "a.example.com").serial_number
    nginx.link.unlink()
    nginx.link.symlink_to(place / "other")
    done = run(nginx.command("-s", "reload"))
    assert done.returncode == 0, done.stderr
    bundle = place / "bundle.pem"
    bundle.write_bytes(fullchain.read_bytes() + key.read_bytes())
    haproxy = make_haproxy(bundle)
    assert names_of(served(haproxy.port, "b.example.com")) == ["b.example.com"]
    assert served(haproxy.port, "b.example.com").serial_number != before
    assert alive(nginx.process.pid)


def test_ports_are_taken_by_nobody_else():
    """Another run of these tests that begins in the same stretch keeps off what this one has."""
    ours = free_port()
    code = "from harness.net import free_port; print(*(free_port() for _ in range(60)))"
    stretch = {"ACMED_TEST_PORTS": str(ours - 1), "PYTEST_XDIST_WORKER": "gw0", "PYTHONPATH": str(pathlib.Path(__file__).parent)}
    theirs = [int(p) for p in run([sys.executable, "-c", code], env={**os.environ, **stretch}).stdout.split()]
    assert len(theirs) == 60 and all(p > ours and p // 50 != ours // 50 for p in theirs), (ours, theirs)
