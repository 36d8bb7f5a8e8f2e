# SPDX-License-Identifier: MIT
"""From nothing to a certificate on disk."""

import os
import re
import stat

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from conftest import mode, needs_root
from harness.daemon import STRANGER, key_matches
from harness.net import names_of

FILES = {"privkey.pem", "cert.pem", "chain.pem", "fullchain.pem", "haproxy.pem"}


@pytest.mark.smoke
def test_a_certificate_is_issued(acmed, pebble):
    acmed.configure({"www.example.com": {}}).start()
    leaf = acmed.issued("www.example.com")
    assert names_of(leaf) == ["www.example.com"]
    generation = acmed.live("www.example.com").resolve()
    assert generation == acmed.state / "certs/www.example.com/1"
    assert {p.name for p in generation.iterdir()} == FILES
    assert key_matches(generation)
    chain = (generation / "chain.pem").read_text()
    assert (generation / "fullchain.pem").read_text() == (generation / "cert.pem").read_text() + chain
    assert (generation / "haproxy.pem").read_text() == (generation / "fullchain.pem").read_text() + (generation / "privkey.pem").read_text()
    assert pebble.orders() == 1
    status = acmed.deployed("www.example.com")
    assert status["state"] == "valid"
    assert status["domains"] == ["www.example.com"]
    assert status["serial"].lower().replace(":", "").lstrip("0") == f"{leaf.serial_number:x}"
    assert status["renew_at"] < status["not_after"]


@pytest.mark.parametrize("level", ["debug", "info"])
def test_debug_traces_every_step_of_the_order(acmed, level):
    acmed.configure({"www.example.com": {}}, log_level=level).start()
    acmed.deployed("www.example.com")
    steps = re.findall(r"www\.example\.com: order: (\S+) -> (\S+)$", acmed.text(), re.M)
    if level == "info":
        assert steps == [] and "debug: " not in acmed.text()
        return
    assert steps[0][0] == "start" and steps[-1][1] == "done"
    assert [to for _, to in steps[:-1]] == [begin for begin, _ in steps[1:]], steps
    assert {"new-order", "answer", "poll", "finalize", "download", "install"} <= {to for _, to in steps}, steps


@pytest.mark.smoke
def test_one_certificate_for_several_names(acmed, pebble):
    names = ["example.com", "www.example.com", "api.example.com", "static.example.net"]
    acmed.configure({"example.com": {"domains": " ".join(names)}}).start()
    assert names_of(acmed.issued("example.com")) == sorted(names)
    assert pebble.orders() == 1


def test_many_certificates_at_once(acmed, pebble):
    names = [f"host{i}.example.com" for i in range(20)]
    acmed.configure({n: {} for n in names}).start()
    for n in names:
        assert names_of(acmed.issued(n, seconds=60)) == [n]
    assert pebble.orders() == len(names)


@pytest.mark.parametrize("key, bits", [("ecdsa-p256", 256), ("ecdsa-p384", 384), ("rsa-2048", 2048), ("rsa-3072", 3072)])
def test_key_types(acmed, key, bits):
    acmed.configure({"keys.example.com": {"key": key}}).start()
    public = acmed.issued("keys.example.com", seconds=60).public_key()
    assert isinstance(public, rsa.RSAPublicKey if key.startswith("rsa") else ec.EllipticCurvePublicKey)
    assert public.key_size == bits
    assert key_matches(acmed.live("keys.example.com").resolve())
    assert acmed.status("keys.example.com")["key_type"] == key


def test_each_key_type_has_its_certificate(acmed, pebble):
    both = {"dual.example.com": {"key": "rsa-2048 ecdsa-p256", "copy": f"haproxy:{acmed.directory}/dual.{{key}}.pem"}}
    acmed.configure(both).start()
    plain, second = "dual.example.com", "dual.example.com.ecdsa-p256"
    assert isinstance(acmed.issued(plain, seconds=60).public_key(), rsa.RSAPublicKey)
    assert isinstance(acmed.issued(second).public_key(), ec.EllipticCurvePublicKey)
    assert names_of(acmed.issued(second)) == [plain]
    for name, key_type in ((plain, "rsa-2048"), (second, "ecdsa-p256")):
        acmed.deployed(name)
        assert (acmed.directory / f"dual.{key_type}.pem").read_text() == (acmed.live(name) / "haproxy.pem").read_text()
    rows = acmed.ctl("status", plain, "--json").json["certificates"]
    assert [(r["name"], r["lineage"], r["key_type"]) for r in rows] == [(plain, plain, "rsa-2048"), (plain, second, "ecdsa-p256")]
    # What is live keeps its place, whatever the order of the list.
    both["dual.example.com"]["key"] = "ecdsa-p256 rsa-2048"
    acmed.configure(both)
    assert acmed.ctl("reload").code == 0
    assert acmed.ctl("renew", "now", f"{plain}.rsa-2048").code == 0
    assert isinstance(acmed.issued(plain, generation=2).public_key(), rsa.RSAPublicKey)
    assert acmed.live(second).resolve().name == "1"
    assert pebble.orders() == 3


@needs_root
@pytest.mark.smoke
def test_without_root(make_acmed, pebble):
    acmed = make_acmed(pebble, user=STRANGER)
    acmed.configure({"plain.example.com": {}}).start()
    acmed.issued("plain.example.com")
    assert {os.stat(f"/proc/{pid}").st_uid for pid in [acmed.process.pid]} == {STRANGER}
    assert acmed.ctl("status").code == 0


def test_keys_are_nobody_elses(acmed):
    acmed.configure({"safe.example.com": {}}).start(umask=0)
    acmed.deployed("safe.example.com")
    for path in acmed.state.rglob("*"):
        if path.is_symlink() or not path.is_file():
            continue
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            continue  # replaced meanwhile
        if b"PRIVATE KEY" in text:
            assert mode(path) == 0o600, path
    assert mode(acmed.state) == 0o755
    assert mode(acmed.state / "accounts/pebble") == 0o700
    assert mode(acmed.state / "state") == 0o700
    assert stat.S_ISDIR(os.stat(acmed.live("safe.example.com")).st_mode)
    assert b"PRIVATE KEY" not in acmed.log.read_bytes()


@needs_root
def test_owner_group_mode_and_copies(acmed, place):
    target = place / "copies"
    target.mkdir()
    (place / "elsewhere").write_text("not acmed's")
    (target / "key.pem").symlink_to(place / "elsewhere")
    acmed.configure({"copy.example.com": {
        "owner": "nobody", "group": "daemon", "mode": "0640",
        "copy": [f"fullchain:{target}/chain.pem", f"privkey:{target}/key.pem", f"haproxy:{target}/both.pem"]}}).start()
    acmed.deployed("copy.example.com")
    live = acmed.live("copy.example.com")
    import grp
    import pwd
    for path in (live / "privkey.pem", live / "haproxy.pem", target / "key.pem", target / "both.pem"):
        s = os.stat(path)
        assert (s.st_uid, s.st_gid, mode(path)) == (pwd.getpwnam("nobody").pw_uid, grp.getgrnam("daemon").gr_gid, 0o640), path
    assert mode(target / "chain.pem") == 0o644
    for copy, file in (("chain.pem", "fullchain.pem"), ("key.pem", "privkey.pem"), ("both.pem", "haproxy.pem")):
        assert (target / copy).read_bytes() == (live / file).read_bytes()
    assert not (target / "key.pem").is_symlink()
    assert (place / "elsewhere").read_text() == "not acmed's"


def test_terms_that_nobody_agreed_to_are_a_clear_error(make_acmed, pebble):
    acmed = make_acmed(pebble)
    acmed.configure({"www.example.com": {}}, agree_terms="no")
    check = acmed.check()
    assert check.code == 2 and "agree_terms = yes" in check.text, check


def test_the_cas_own_words_are_shown(make_acmed, make_pebble):
    pebble = make_pebble(domainBlocklist=["blocked.example.com"])
    acmed = make_acmed(pebble)
    acmed.configure({"blocked.example.com": {}, "fine.example.com": {}}).start()
    acmed.issued("fine.example.com")
    status = acmed.state_is("blocked.example.com", "failing")
    assert "rejectedIdentifier" in status["last_error"]["text"] or "policy" in status["last_error"]["text"]
    assert status["next_at"] > status["last_error"]["at"] + 3600
    show = acmed.ctl("show", "blocked.example.com")
    assert show.code == 0 and "policy" in show.out.lower(), show


def test_a_name_that_leads_elsewhere_does_not_hold_up_others(make_acmed, make_pebble, dns):
    """The CA looks at port http_port; nobody answers there."""
    from harness.net import free_port
    nobody = free_port()
    pebble = make_pebble(http_port=nobody)
    acmed = make_acmed(pebble)
    acmed.configure({"lost.example.com": {}}).start()
    status = acmed.state_is("lost.example.com", "failing", 60)
    assert "127.0.0.1" in status["last_error"]["text"] or "connection" in status["last_error"]["text"].lower()
    assert not x509_exists(acmed, "lost.example.com")


def x509_exists(acmed, name):
    try:
        return isinstance(acmed.leaf(name), x509.Certificate)
    except OSError:
        return False
