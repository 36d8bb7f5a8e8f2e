# SPDX-License-Identifier: MIT
"""Keys that are kept, keys of other types, and several of them for one section."""

import json

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from harness.daemon import key_matches
from harness.wait import wait_for

NAME = "keys.example.com"


def public(acmed, name=NAME, generation=1):
    acmed.deployed(name, generation, 60)
    return acmed.leaf(name).public_key().public_numbers()


def reload(acmed, keys, name=NAME):
    acmed.configure({name: keys})
    r = acmed.ctl("reload")
    assert r.code == 0, r


def two_hours_later(acmed, keys, *lineages):
    """A new start with these keys, with the last issuances further back: two that acmed begins by itself are an hour apart."""
    acmed.stop()
    for lineage in lineages:
        journal = acmed.state / f"state/{lineage}.json"
        content = json.loads(journal.read_text())
        content["issued"] = [t - 7200 for t in content["issued"]]
        journal.write_text(json.dumps(content))
    acmed.configure({NAME: keys}).start()


def test_a_renewal_keeps_the_key(acmed):
    acmed.configure({NAME: {"reuse_key": "yes"}}).start()
    first = public(acmed)
    assert "kept when it is renewed" in acmed.ctl("show", NAME).out
    assert acmed.status(NAME)["reuse_key"] is True
    acmed.renew(NAME)
    assert public(acmed, generation=2) == first
    assert key_matches(acmed.live(NAME).resolve())
    acmed.says("the live key is kept for the new certificate")
    reload(acmed, {})
    acmed.renew(NAME)
    assert public(acmed, generation=3) != first
    assert "kept when" not in acmed.ctl("show", NAME).out


def test_a_kept_key_that_the_ca_refuses_is_replaced(held, proxy):
    """Once refused it is not offered again, not by an acmed that knows nothing of it either."""
    held.configure({NAME: {"reuse_key": "yes"}}).start()
    first = public(held)
    proxy.answer("finalize", 400, "badPublicKey")
    held.renew(NAME, code=1)
    assert "badPublicKey" in held.told(NAME)
    assert public(held) == first, "what is live stays"
    held.kill()
    held.start()
    held.renew(NAME)
    second = public(held, generation=2)
    assert second != first
    held.says("TLSA records and pins of the old one have to be renewed")
    held.renew(NAME)
    assert public(held, generation=3) == second


def test_a_kept_key_that_others_know_is_replaced(acmed):
    acmed.configure({NAME: {"reuse_key": "yes"}}).start()
    first = public(acmed)
    acmed.deployed(NAME)
    r = acmed.ctl("revoke", NAME, "--reason", "key-compromise", "--yes")
    assert r.code == 0, r
    assert public(acmed, generation=2) != first


def test_another_type_of_key_is_a_renewal(acmed, pebble):
    acmed.configure({NAME: {"key": "ecdsa-p256"}}).start()
    acmed.deployed(NAME)
    reload(acmed, {"key": "rsa-2048", "reuse_key": "yes"})
    row = acmed.status(NAME)
    assert "the configured key type is not that of the certificate" in row["reason"], row
    assert 3000 < row["next_at"] - row["last_issued"] <= 3700, row
    two_hours_later(acmed, {"key": "rsa-2048", "reuse_key": "yes"}, NAME)
    assert isinstance(acmed.issued(NAME, 2, 60).public_key(), rsa.RSAPublicKey)
    acmed.says("the configuration asks for rsa-2048")
    row = acmed.deployed(NAME, 2)
    assert row["key_type"] == "rsa-2048" and row["state"] == "valid"
    assert pebble.orders() == 2


def test_from_one_type_of_key_to_two_and_back(acmed, pebble):
    second = f"{NAME}.rsa-2048"
    acmed.configure({NAME: {}}).start()
    first = acmed.issued(NAME)
    acmed.deployed(NAME)
    reload(acmed, {"key": "rsa-2048 ecdsa-p256"})
    assert isinstance(acmed.issued(second, seconds=60).public_key(), rsa.RSAPublicKey)
    acmed.deployed(second)
    assert acmed.leaf(NAME) == first, "what is live keeps its place, and is not renewed for that"
    reload(acmed, {})
    row = acmed.status(second)
    assert row["state"] == "unmanaged" and row["key_type"] == "rsa-2048" and acmed.live(second, "privkey.pem").exists()
    assert "unmanaged" in acmed.ctl("status").out and acmed.leaf(NAME) == first
    # The other one alone: the plain lineage changes its type, and the one that was beside it stays as it is.
    two_hours_later(acmed, {"key": "rsa-2048"}, NAME)
    assert isinstance(acmed.issued(NAME, 2, 60).public_key(), rsa.RSAPublicKey)
    acmed.deployed(NAME, 2)
    assert acmed.status(second)["state"] == "unmanaged"
    reload(acmed, {"key": "ecdsa-p256 rsa-2048"})
    assert isinstance(acmed.issued(f"{NAME}.ecdsa-p256").public_key(), ec.EllipticCurvePublicKey)
    acmed.deployed(f"{NAME}.ecdsa-p256")
    assert acmed.generation(NAME) == 2 and acmed.status(second)["state"] == "unmanaged"
    assert pebble.orders() == 4


def test_an_order_in_flight_for_a_lineage_that_goes_away(held, proxy):
    """The lineage is not in the configuration any more: its order ends, and the others go on. Taken up again, it goes on as well."""
    second = f"{NAME}.rsa-2048"
    held.configure({NAME: {}}).start()
    held.deployed(NAME)
    hold = proxy.hold("/finalize-order")
    reload(held, {"key": "ecdsa-p256 rsa-2048"})
    hold.wait()
    old = set(held.children().values())
    reload(held, {})
    wait_for(lambda: len(new := set(held.children().values())) == 2 and not new & old, "the old pair to be gone")
    hold.release()
    held.renew(NAME)
    assert held.generation(NAME) == 2 and held.generation(second) == 0
    assert not [c for c in held.status()["certificates"] if c["last_error"]]
    orders = proxy.pebble.orders()
    reload(held, {"key": "ecdsa-p256 rsa-2048"})
    held.deployed(second, seconds=60)
    assert proxy.pebble.orders() == orders, "its order was still there"
