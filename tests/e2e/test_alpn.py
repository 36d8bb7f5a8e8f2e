# SPDX-License-Identifier: MIT
"""tls-alpn-01: Pebble validates by a TLS connection."""

import socket
import subprocess

import pytest
from cryptography import x509

from harness.net import free_port, names_of

NAME = "www.example.com"


@pytest.fixture
def tls_port():
    return free_port()


@pytest.fixture
def acmed_tls(make_acmed, make_pebble, tls_port):
    """acmed, and a Pebble that looks for challenges at its tls_alpn_listen."""
    acmed = make_acmed(make_pebble(tlsPort=tls_port))
    acmed.tls_port = tls_port
    return acmed


def configure(acmed, certificates, **top):
    return acmed.configure({n: {"challenge": "tls-alpn-01", **keys} for n, keys in certificates.items()},
                           **{"http_listen": "off", "tls_alpn_listen": f"127.0.0.1:{acmed.tls_port}", **top})


def handshake(port, *options):
    return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-showcerts", *options], input="", capture_output=True, text=True, timeout=60)


def test_names_and_an_address(acmed_tls):
    configure(acmed_tls, {NAME: {"domains": f"{NAME} example.com 127.0.0.1"}}).start()
    leaf = acmed_tls.issued(NAME)
    san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names_of(leaf) == ["example.com", NAME]
    assert [str(a) for a in san.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert "Challenge   tls-alpn-01\n" in acmed_tls.ctl("show", NAME).out
    # When nothing is being validated nobody gets a certificate.
    acmed_tls.deployed(NAME)
    said = handshake(acmed_tls.tls_port, "-servername", NAME, "-alpn", "acme-tls/1")
    assert "BEGIN CERTIFICATE" not in said.stdout and said.returncode != 0


def test_only_who_validates_sees_it(make_acmed, make_pebble, make_proxy, tls_port):
    """While the CA is about to validate, others who ask are refused, and OpenSSL, which asks as a CA would, sees the certificate."""
    proxy = make_proxy(make_pebble(tlsPort=tls_port))
    acmed = make_acmed(proxy)
    acmed.tls_port = tls_port
    hold = proxy.hold("challenge")
    configure(acmed, {NAME: {}}).start()
    hold.wait()
    seen = handshake(tls_port, "-servername", NAME, "-alpn", "acme-tls/1")
    assert "BEGIN CERTIFICATE" in seen.stdout and "ALPN protocol: acme-tls/1" in seen.stdout
    text = subprocess.run(["openssl", "x509", "-noout", "-text"], input=seen.stdout, capture_output=True, text=True).stdout
    assert f"DNS:{NAME}" in text and "1.3.6.1.5.5.7.1.31: critical" in text
    for options in (["-servername", NAME], ["-servername", NAME, "-alpn", "h2,http/1.1"], ["-servername", "other.example.com", "-alpn", "acme-tls/1"],
                    ["-noservername", "-alpn", "acme-tls/1"]):
        assert "BEGIN CERTIFICATE" not in handshake(tls_port, *options).stdout, options
    hold.release()
    acmed.issued(NAME)


def test_slow_clients_do_not_stop_a_challenge(acmed_tls):
    configure(acmed_tls, {NAME: {}}).start()
    acmed_tls.deployed(NAME)
    idle = [socket.create_connection(("127.0.0.1", acmed_tls.tls_port)) for _ in range(200)]
    for s in idle:
        s.sendall(b"\x16\x03\x01\x02\x00\x01")  # how a ClientHello begins
    acmed_tls.renew(NAME)
    assert acmed_tls.generation(NAME) == 2
    # And they are dropped, absolutely, ten seconds after they began.
    for s in idle:
        s.settimeout(20)
        assert s.recv(1024) == b""
        s.close()


def test_the_port_is_taken(acmed_tls):
    taken = socket.create_server(("127.0.0.1", acmed_tls.tls_port))
    configure(acmed_tls, {NAME: {}}).start()
    acmed_tls.says(f"tls_alpn_listen 127.0.0.1:{acmed_tls.tls_port}: the port is taken")
    taken.close()
    acmed_tls.issued(NAME, seconds=60)
