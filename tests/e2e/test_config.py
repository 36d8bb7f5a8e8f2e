# SPDX-License-Identifier: MIT
"""What the configuration must not be is said before anything starts, all of it at once."""

import os

from conftest import needs_root


def both(acmed):
    """acmed -t and a start: (result of -t, exit status of the start, its text)."""
    check = acmed.check()
    acmed.start(ready=False)
    code = acmed.process.popen.wait(30)
    return check, code, acmed.text()


def test_unknown_key(acmed):
    acmed.configure({"www.example.com": {"colour": "green"}})
    check, code, text = both(acmed)
    assert check.code == 2 and code == 2
    for t in (check.text, text):
        assert f"{acmed.conf}:" in t and "colour" in t


def test_all_errors_at_once(acmed):
    acmed.write("\n".join([
        "[acmed]", "agree_terms = perhaps", "max_orders = many", "[certificate www.example.com]", "key = dsa-1024",
        "renew_before = soon", "[nonsense]", "x = y", "[certificate other.example.com]", "dns_hook = /bin/true", ""]))
    check, code, text = both(acmed)
    assert check.code == 2 and code == 2
    for line in (2, 3, 5, 6, 7, 10):
        assert f"acmed.conf:{line}:" in check.text, check
        assert f"acmed.conf:{line}:" in text


def test_a_good_one(acmed):
    acmed.configure({"www.example.com": {}})
    assert acmed.check().code == 0


def test_no_file(acmed):
    assert acmed.check().code == 2
    assert str(acmed.conf) in acmed.check().text


def test_conf_d_beside_it(acmed):
    acmed.configure({"a.example.com": {}})
    d = acmed.directory / "conf.d"
    d.mkdir()
    (d / "b.conf").write_text("[certificate b.example.com]\nca = pebble\n")
    (d / ".hidden.conf").write_text("[garbage")
    (d / "notes.txt").write_text("[garbage")
    acmed.own(d, d / "b.conf")
    acmed.start()
    assert [c["name"] for c in acmed.status()["certificates"]] == ["a.example.com", "b.example.com"]
    (d / "a.conf").write_text("[certificate b.example.com]\n")
    check = acmed.check()
    assert check.code == 2 and "b.conf:1:" in check.text and "a.conf" in check.text, check


def test_writable_by_others(acmed):
    acmed.configure({"www.example.com": {}})
    acmed.conf.chmod(0o666)
    check, code, text = both(acmed)
    assert check.code == 2 and code == 2
    assert "written by everybody" in check.text and str(acmed.conf) in check.text


def test_a_hook_that_others_may_change(acmed, script):
    hook = script("hook", "exit 0\n")
    hook.chmod(0o777)
    acmed.configure({"www.example.com": {"hook": hook}})
    check = acmed.check()
    assert check.code == 2 and str(hook) in check.text and "written by everybody" in check.text, check


@needs_root
def test_a_user_that_is_missing(acmed):
    acmed.configure({"www.example.com": {}}, user="no-such-user-here")
    check = acmed.check()
    assert check.code == 2 and "no-such-user-here" in check.text, check


def test_version_and_usage(acmed, pebble):
    assert acmed._run([acmed.program, "-V"]).code == 0
    assert acmed._run([acmed.program, "--nonsense"]).code == 2
    assert acmed._run([acmed.prefix / "bin/acmectl", "version", "--socket", "/nowhere"]).out.startswith("acmectl")


@needs_root
def test_a_hook_by_way_of_a_strangers_link(make_acmed, place, script):
    """It leads to a safe program today; the stranger can make it lead elsewhere tomorrow."""
    acmed = make_acmed()
    theirs = place / "theirs"
    theirs.mkdir()
    (theirs / "link").symlink_to(script("real", "exit 0\n"))
    (place / "hook").symlink_to(theirs / "link")
    acmed.configure({"www.example.com": {"ca": None, "hook": place / "hook"}})
    assert acmed.check().code == 0, acmed.check()
    os.chown(theirs, 54321, 54321)
    refused = acmed.check()
    assert refused.code == 2 and "theirs belongs to uid 54321" in refused.text, refused
