# SPDX-License-Identifier: MIT
"""Taking over a new configuration; refusing a broken one."""

import signal

from harness.wait import wait_for


def test_sighup_takes_over_new_certificates(acmed, pebble):
    acmed.configure({"a.example.com": {}}).start()
    acmed.deployed("a.example.com")
    old = acmed.children()
    acmed.configure({"a.example.com": {}, "b.example.com": {}})
    acmed.process.send(signal.SIGHUP)
    acmed.issued("b.example.com")
    assert acmed.generation("a.example.com") == 1
    assert pebble.orders() == 2
    assert not set(old.values()) & set(acmed.children().values()), "reload starts a fresh pair"


def test_acmectl_reload(acmed, pebble):
    acmed.configure({"a.example.com": {}}).start()
    acmed.deployed("a.example.com")
    acmed.configure({"a.example.com": {}, "c.example.com": {}})
    r = acmed.ctl("reload")
    assert r.code == 0, r
    acmed.issued("c.example.com")
    assert pebble.orders() == 2


def test_a_broken_configuration_is_refused(acmed):
    acmed.configure({"a.example.com": {}}).start()
    acmed.deployed("a.example.com")
    old = acmed.children()
    acmed.configure({"a.example.com": {"colour": "green"}, "b.example.com": {}})
    r = acmed.ctl("reload")
    assert r.code in (1, 2), r
    assert "acmed.conf:" in r.text and "colour" in r.text
    quiet = acmed.ctl("reload", "--quiet")
    assert quiet.code == 2 and quiet.text == "", quiet
    told = acmed.text().count("colour")
    acmed.process.send(signal.SIGHUP)
    wait_for(lambda: acmed.text().count("colour") > told, "the refusal to be told again")
    assert acmed.children() == old
    assert [c["name"] for c in acmed.status()["certificates"]] == ["a.example.com"]
    check = acmed.ctl("check")
    assert check.code in (1, 2) and "colour" in check.text, check


def test_a_certificate_removed_from_the_configuration_keeps_its_files(acmed):
    acmed.configure({"a.example.com": {}, "b.example.com": {}}).start()
    acmed.deployed("a.example.com")
    acmed.deployed("b.example.com")
    acmed.configure({"a.example.com": {}})
    assert acmed.ctl("reload").code == 0
    wait_for(lambda: acmed.status("b.example.com")["state"] == "unmanaged", "b to be unmanaged")
    assert acmed.live("b.example.com", "fullchain.pem").exists()


def test_acmectl_waits_through_a_reload(held, proxy):
    held.configure({"a.example.com": {}}).start()
    held.deployed("a.example.com")
    hold = proxy.hold("/finalize-order")
    import threading
    result = []
    t = threading.Thread(target=lambda: result.append(held.ctl("renew", "now", "a.example.com", "--force")))
    t.start()
    hold.wait()
    assert held.ctl("reload").code == 0
    hold.release()
    t.join(90)
    assert result and result[0].code == 0, result
    assert held.generation("a.example.com") == 2


def test_a_reload_can_move_the_state_directory(acmed, pebble):
    acmed.configure({"a.example.com": {}}).start()
    acmed.deployed("a.example.com")
    started_at = acmed.status()["daemon"]["started_at"]
    former, acmed.state = acmed.state, acmed.directory / "state2"
    acmed.configure({"a.example.com": {}})
    r = acmed.ctl("reload")
    assert r.code == 0, r
    wait_for(lambda: acmed.live("a.example.com", "fullchain.pem").exists(), "the certificate in the new place")
    acmed.deployed("a.example.com")
    assert pebble.orders() == 2, "nothing is taken along: the new directory begins empty"
    assert (former / "live/a.example.com/fullchain.pem").exists()
    assert acmed.status()["daemon"]["started_at"] == started_at, "acmed's own start, not the engine's"
    acmed.says("comes into force")
