# SPDX-License-Identifier: MIT
"""The way to the CA: away, back, behind another trust store or resolver."""

import os
import shutil
import socket

import pytest

from conftest import needs_root
from harness.ca import Dns, Pebble
from harness.knot import free_address
from harness.net import free_port
from harness.pki import Authority
from harness.wait import wait_for

NAME = "www.example.com"


@pytest.mark.slow
def test_ca_away_at_start_and_back(held, proxy):
    """It comes back by itself: the first repetition is due after a minute."""
    proxy.stop()
    held.configure({NAME: {}, "b.example.com": {}}).start()
    status = held.failed("b.example.com")
    assert status["last_error"]["class"] == "network"
    assert status["state"] == "waiting"
    assert 0 < status["next_at"] - status["last_error"]["at"] <= 70
    other = held.status(NAME)
    assert other["state"] == "waiting" and other["attempts"] == 0 and not other["last_error"], other
    proxy.start()
    held.issued(NAME, seconds=100)
    held.issued("b.example.com", seconds=30)
    assert proxy.pebble.orders() == 2


def test_renew_now_ignores_the_pause(held, proxy):
    proxy.stop()
    held.configure({NAME: {}}).start()
    wait_for(lambda: held.status(NAME)["last_error"], "an error to be shown")
    r = held.ctl("renew", "now", NAME)
    assert r.code == 1 and NAME in r.text, r
    proxy.start()
    assert held.ctl("renew", "now", NAME).code == 0
    assert held.generation(NAME) == 1


def test_ca_asks_for_a_pause(held, proxy):
    proxy.answer("/order-plz", 429, {"type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many of them", "status": 429},
                 {"Retry-After": "3600"}, times=50)
    held.configure({NAME: {}, "b.example.com": {}}).start()
    status = held.failed("b.example.com")
    assert "too many of them" in status["last_error"]["text"]
    assert 3000 < status["next_at"] - status["last_error"]["at"] < 4200
    assert sum(p == "/order-plz" for _, p, _ in proxy.requests) <= 2


def test_nonces_refused_again_and_again(make_acmed, make_pebble):
    acmed = make_acmed(make_pebble(env={"PEBBLE_WFE_NONCEREJECT": "50"}))
    acmed.configure({NAME: {}}).start()
    acmed.issued(NAME, seconds=60)


@pytest.mark.slow
def test_many_come_back_without_a_herd(held, proxy):
    """FAULTS 20: one asks whether the CA is there again, by itself; the others follow as there is room."""
    names = [f"n{i:03}.example.com" for i in range(100)]
    proxy.stop()
    held.configure({n: {} for n in names}).start()
    wait_for(lambda: held.status()["daemon"]["cas"][0]["state"] == "unreachable", "the CA to be found away")
    in_flight = []

    def look(request, reply):
        in_flight.append(held.status()["daemon"]["orders_in_flight"])
    proxy.rewrite("newOrder", look, times=None)
    proxy.start()
    for name in names:
        held.issued(name, seconds=120)
    assert proxy.requests[0][1] == "/dir" and proxy.count("/dir") == 1, proxy.requests[:10]
    assert all(proxy.orders(n) == 1 for n in names) and 1 <= max(in_flight) <= 8, in_flight
    assert sum(held.status(n)["attempts"] for n in names) == 0


def test_ca_bundle_replaced_by_rename(make_acmed, pebble, place):
    """Before, in an order that fails because the bundle knows another CA; and again when it is there."""
    bundle = place / "bundle"
    bundle.mkdir()
    Authority("somebody else").write(bundle / "ca.pem")
    acmed = make_acmed(pebble)
    acmed.configure({NAME: {}}, ca={"ca_file": bundle / "ca.pem"}).start()
    status = acmed.failed(NAME)
    assert "certificate" in status["last_error"]["text"]
    engine = acmed.children()["acmed-engine"]
    for generation in (1, 2):
        shutil.copy(pebble.ca_file, bundle / "new.pem")
        os.chmod(bundle / "new.pem", 0o644)
        os.rename(bundle / "new.pem", bundle / "ca.pem")
        acmed.renew(NAME)
        assert acmed.generation(NAME) == generation
    assert acmed.children()["acmed-engine"] == engine


def own_etc(place, resolv_conf):
    """An /etc of its own, in which names are looked for as resolv_conf says: where it is, and what enters it."""
    etc = place / "etc"
    shutil.copytree("/etc", etc, symlinks=True, ignore=lambda d, names: [n for n in names if n in ("resolv.conf", "alternatives")])
    etc.chmod(0o755)
    (etc / "nsswitch.conf").write_text("hosts: files dns\npasswd: files\ngroup: files\n")
    (etc / "hosts").write_text("127.0.0.1 localhost\n")
    (etc / "resolv.conf").write_text(resolv_conf)
    return etc, ["unshare", "-m", "--propagation", "private", "sh", "-c", f'mount --bind {etc} /etc && exec "$@"', "sh"]


@needs_root
def test_resolver_replaced_by_rename(make_acmed, place, ending, http_port):
    """resolv.conf is a file that DHCP clients and VPNs rename over, while acmed is confined and runs."""
    address = f"127.77.{os.getpid() % 250 + 1}.{os.getppid() % 250 + 1}"
    dns = Dns(place, address, 53)
    ending(dns.stop)
    pebble = Pebble(place / "pebble", dns, http_port)
    ending(pebble.stop)
    etc, wrapper = own_etc(place, "nameserver 127.77.254.254\noptions timeout:1 attempts:1\n")
    acmed = make_acmed(pebble, wrapper=wrapper)
    acmed.configure({NAME: {}}, ca={"directory": f"https://acme.test:{pebble.port}/dir"}).start()
    status = acmed.failed(NAME)
    assert "acme.test" in status["last_error"]["text"]
    new = etc / "resolv.conf.new"
    new.write_text(f"nameserver {address}\noptions timeout:2 attempts:2\n")
    new.rename(etc / "resolv.conf")
    acmed.renew(NAME)
    assert acmed.generation(NAME) == 1


@pytest.mark.slow
@needs_root
def test_resolvers_that_never_answer(make_acmed, pebble, place, ending):
    """L6: nothing of acmed waits for them, but the CA whose name they should know."""
    mute = []
    for _ in range(3):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((free_address(), 53))
        ending(s.close)
        mute.append(s.getsockname()[0])
    _, wrapper = own_etc(place, "".join(f"nameserver {a}\n" for a in mute))
    acmed = make_acmed(pebble, wrapper=wrapper)
    acmed.configure({NAME: {}}, ca={"directory": f"https://acme.test:{pebble.port}/dir"}).start()

    stalls = []

    def failed():
        try:
            with acmed.varlink(timeout=8) as v:
                return v.call("org.acmed.Control.Status")["certificates"][0]["last_error"]
        except TimeoutError as e:
            stalls.append(e)
            raise
    error = wait_for(failed, "an error to be shown", 60)
    assert not stalls, "the engine's loop stood still"
    assert error["class"] == "network" and "acme.test" in error["text"], error


def test_the_environment_does_not_weaken_tls(make_acmed, pebble, place, out, ending):
    """FAULTS 17: what libcurl and OpenSSL would take from it, nobody hands on to the engine."""
    out.chmod(0o777)
    Authority("somebody else").write(place / "other.pem")
    detour = socket.create_server(("127.0.0.1", free_port()))
    detour.setblocking(False)
    ending(detour.close)
    url = f"http://127.0.0.1:{detour.getsockname()[1]}"
    env = {"SSL_CERT_FILE": pebble.ca_file, "CURL_CA_BUNDLE": pebble.ca_file, "SSLKEYLOGFILE": out / "keys", "https_proxy": url, "ALL_PROXY": url,
           "CURL_SSL_BACKEND": "none"}
    acmed = make_acmed(pebble, wrapper=["env", *(f"{k}={v}" for k, v in env.items())])
    acmed.configure({NAME: {}}, ca={"ca_file": place / "other.pem"}).start()
    status = acmed.failed(NAME)
    assert "certificate" in status["last_error"]["text"], status
    acmed.configure({NAME: {}})
    assert acmed.ctl("reload").code == 0
    acmed.renew(NAME)
    assert acmed.generation(NAME) == 1 and not list(out.iterdir())
    with pytest.raises(BlockingIOError):
        detour.accept()
