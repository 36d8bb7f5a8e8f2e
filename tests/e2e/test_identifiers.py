# SPDX-License-Identifier: MIT
"""Every type of identifier that a certificate can have: many names, addresses (RFC 8738), international names, wildcards."""

import socket

import pytest
from cryptography import x509

from harness.net import http, names_of
from harness.wait import wait_for

EXACT = {"PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"}


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")


def addresses_of(leaf):
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return sorted(str(a) for a in names.get_values_for_type(x509.IPAddress))


@pytest.mark.slow
def test_a_hundred_names(make_acmed, make_pebble, ending):
    """2K+5 requests for K names, of which three are there before the order is: directory, nonce and account."""
    from harness.proxy import Proxy
    proxy = Proxy(make_pebble(env=EXACT))
    ending(proxy.stop)
    acmed = make_acmed(proxy)
    names = [f"n{i:02}.{'a-rather-long-label-' * 2}{i}.example.com" for i in range(100)]
    acmed.configure({"hundred": {"domains": names}}).start()
    leaf = acmed.issued("hundred", seconds=120)
    assert names_of(leaf) == sorted(names)
    status = acmed.deployed("hundred", seconds=60)
    assert status["domains"] == names
    assert proxy.count("/order-plz") == 1
    assert proxy.count("/authZ/") == proxy.count("/chalZ/") == 100
    assert proxy.count("/finalize-order/") == proxy.count("/certZ/") == 1
    assert proxy.pebble.certificates() == 1
    show = acmed.ctl("show", "hundred")
    assert show.code == 0 and all(n in show.out for n in names), show


def test_more_than_a_hundred_names_are_an_error(make_acmed, pebble):
    acmed = make_acmed(pebble)
    acmed.configure({"hundred": {"domains": " ".join(f"n{i}.example.com" for i in range(101))}})
    check = acmed.check()
    assert check.code == 2 and "more than 100 names" in check.text, check


@needs_ipv6
@pytest.mark.smoke
def test_addresses(acmed, http_port):
    acmed.configure({"127.0.0.1": {}, "both": {"domains": "0:0:0:0:0:0:0:1 127.0.0.1 www.example.com"}},
                    http_listen=f"127.0.0.1:{http_port} [::1]:{http_port}").start()
    leaf = acmed.issued("127.0.0.1")
    assert addresses_of(leaf) == ["127.0.0.1"] and names_of(leaf) == []
    leaf = acmed.issued("both")
    assert addresses_of(leaf) == ["127.0.0.1", "::1"] and names_of(leaf) == ["www.example.com"]
    assert acmed.deployed("both")["domains"] == ["::1", "127.0.0.1", "www.example.com"]
    acmed.deployed("127.0.0.1")
    status, headers, _ = http(http_port, "/a", f"[0::1]:{http_port}")
    assert (status, headers["Location"]) == (302, "https://[::1]/a")
    status, headers, _ = http(http_port, "/a", "127.0.0.1")
    assert (status, headers["Location"]) == (302, "https://127.0.0.1/a")
    assert http(http_port, "/a", "[::2]")[0] == 404
    # nothing is to be renewed: what is configured is what the certificates hold
    acmed.stop()
    acmed.start()
    assert acmed.state_is("both", "valid")["generation"] == 1


def test_an_address_is_verified_without_server_name(acmed, make_nginx):
    nginx = make_nginx(acmed, "127.0.0.1")
    acmed.configure({"127.0.0.1": {"hook": nginx.reload_command(), "verify": f"127.0.0.1:{nginx.port}"}}).start()
    assert acmed.deployed("127.0.0.1", seconds=90)["deploy"]["served_at"] > 0


def test_international_names(acmed, http_port, script, place):
    out = place / "domains"
    out.touch()
    out.chmod(0o666)
    hook = script("hook", f'echo "$ACMED_DOMAINS" >{out}\n')
    acmed.configure({"books": {"domains": "Bücher.example www.faß.example", "hook": hook}}).start()
    leaf = acmed.issued("books")
    assert names_of(leaf) == ["www.xn--fa-hia.example", "xn--bcher-kva.example"]
    assert acmed.deployed("books")["domains"] == ["xn--bcher-kva.example", "www.xn--fa-hia.example"]
    wait_for(lambda: out.read_text() == "xn--bcher-kva.example www.xn--fa-hia.example\n", "the hook")
    assert http(http_port, "/", "xn--bcher-kva.example")[0] == 302
    show = acmed.ctl("show", "books")
    assert "xn--bcher-kva.example" in show.out, show
    assert acmed.ctl("show", "books", "--json").json["domains"][0] == "xn--bcher-kva.example"


def test_certificates_are_found_by_the_name_that_people_read(acmed):
    acmed.configure({"xn--bcher-kva.example": {}}).start()
    assert names_of(acmed.issued("xn--bcher-kva.example")) == ["xn--bcher-kva.example"]
    acmed.deployed("xn--bcher-kva.example")
    for command in ("show", "status", "history", "deploy"):
        assert acmed.ctl(command, "BÜCHER.example").code == 0
    assert acmed.ctl("show", "bûcher.example").code != 0


def test_names_that_cannot_be_are_refused_with_their_line(make_acmed, pebble):
    acmed = make_acmed(pebble)
    acmed.configure({"a": {"domains": ["*.example.com", "bücher.example xn--bcher-kva.example", "fe80::1%eth0",
                                       "192.0.2.1:443", "foo*.example.com", "xn--99999999999.example"]}})
    check = acmed.check()
    first = next(i for i, line in enumerate(acmed.conf.read_text().splitlines(), 1) if line.startswith("domains"))
    assert check.code == 2, check
    for line, words in [(first + 1, "bücher.example (xn--bcher-kva.example) is given twice"), (first + 2, "scope id"),
                        (first + 3, "write the address alone"), (first + 4, "the whole first label"), (first + 5, "begins with xn--"),
                        (first + 5, "has the wildcard *.example.com, which http-01 cannot prove: it needs `challenge = dns-01")]:
        assert any(f":{line}: " in text and words in text for text in check.text.splitlines()), (line, words, check)
