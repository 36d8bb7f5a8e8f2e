# SPDX-License-Identifier: MIT
"""Ports of this machine's loopback, and what is served on them."""

import os
import socket
import ssl

from cryptography import x509

from .wait import wait_for

# Below the ephemeral range, a stretch for each worker of pytest-xdist: a port that was free stays so.
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
# Parts of tests/run that go on side by side have stretches of their own, by ACMED_TEST_PORTS.
_next = int(os.environ.get("ACMED_TEST_PORTS", 10000 + (os.getppid() % 7) * 200)) + _WORKER * 1500

# Whoever else runs these tests, with whatever stretch, keeps off the blocks that are ours: each is a name of an abstract socket.
_BLOCK = 50
_ours = {}


def _reserved(block):
    if block not in _ours:
        s = socket.socket(socket.AF_UNIX)
        try:
            s.bind(f"\0acmed-tests-ports-{block}")
        except OSError:
            s.close()
            return False
        _ours[block] = s
    return True


def free_port():
    global _next
    while True:
        _next += 1
        if not _reserved(_next // _BLOCK):
            _next += _BLOCK - _next % _BLOCK - 1
            continue
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", _next))
                return _next
            except OSError:
                continue


def listens(port):
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex(("127.0.0.1", port)) == 0


def served(port, sni):
    """The leaf that a client which asks for `sni` is shown."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), timeout=5) as raw:
        with context.wrap_socket(raw, server_hostname=sni) as tls:
            return x509.load_der_x509_certificate(tls.getpeercert(binary_form=True))


def wait_served(port, sni, leaf):
    """While a web server reloads, its old workers take connections, too."""
    wait_for(lambda: served(port, sni).serial_number == leaf.serial_number, f"port {port} to serve {leaf.serial_number:x}")


def names_of(leaf):
    return sorted(leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName))


def http(port, path, host="localhost", method="GET"):
    """Status, headers and body of one request; nothing is followed."""
    import http.client

    c = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        c.request(method, path, headers={"Host": host})
        r = c.getresponse()
        return r.status, dict(r.getheaders()), r.read()
    finally:
        c.close()
