# SPDX-License-Identifier: MIT
"""Profiles: the kinds of certificates that a CA offers."""

import pytest

from harness.pki import DAY
from harness.wait import wait_for

NAME = "www.example.com"
PROFILES = {"classic": {"description": "the one of old", "validityPeriod": 90 * 86400},
            "shortlived": {"description": "six days", "validityPeriod": 160 * 3600},
            "year": {"description": "398 days", "validityPeriod": 398 * 86400}}


@pytest.fixture
def pebble(make_pebble):
    return make_pebble(profiles=PROFILES)


def lifetime(leaf):
    return leaf.not_valid_after - leaf.not_valid_before


def test_each_has_its_lifetime(acmed):
    sites = {f"{p}.example.com": {"profile": p} for p in PROFILES}
    acmed.configure(sites).start()
    for profile, what in PROFILES.items():
        name = f"{profile}.example.com"
        leaf = acmed.issued(name)
        assert abs(lifetime(leaf).total_seconds() - what["validityPeriod"]) < 7200
        s = acmed.state_is(name, "valid")
        assert s["profile"] == profile
        share = (s["not_after"] - s["renew_at"]) / (s["not_after"] - s["not_before"])
        assert (0.5 if profile == "shortlived" else 0.33) - 0.01 < share < 0.6, (profile, share)
        assert f"Profile {profile}" in " ".join(acmed.ctl("show", name).text.split())


def test_what_is_not_offered_is_not_ordered(acmed, pebble):
    acmed.configure({NAME: {"profile": "tlsserver"}}).start()
    s = acmed.state_is(NAME, "failing")
    error = s["last_error"]
    assert error["class"] == "configuration" and '"tlsserver"' in error["text"], error
    for name, what in PROFILES.items():
        assert f"{name} ({what['description']})" in error["text"], error
    assert pebble.orders() == 0
    acmed.configure({NAME: {"profile": "shortlived"}})
    assert acmed.ctl("reload").code == 0
    assert lifetime(acmed.issued(NAME)) < 7 * DAY


def test_a_ca_without_profiles(make_acmed, make_proxy_without, pebble):
    acmed = make_acmed(make_proxy_without("profiles"))
    acmed.configure({NAME: {"profile": "classic"}}).start()
    s = acmed.state_is(NAME, "failing")
    assert "no choice of profiles" in s["last_error"]["text"]
    assert pebble.orders() == 0


@pytest.fixture
def make_proxy_without(proxy):
    def make(member):
        proxy.rewrite_json("directory", lambda d: d["meta"].pop(member, None), times=None)
        return proxy
    return make


def test_the_ca_refuses_it(held, proxy, pebble):
    """It offers it, but not for this account: its words, and what else there is."""
    proxy.answer("newOrder", 400, "invalidProfile", times=None)
    held.configure({NAME: {"profile": "classic"}}).start()
    s = held.state_is(NAME, "failing")
    error = s["last_error"]
    assert error["class"] == "permanent" and "invalidProfile" in error["text"] and "shortlived (six days)" in error["text"], error
    assert s["next_at"] - error["at"] > 20 * 3600


def test_another_profile_renews(acmed, pebble):
    acmed.configure({NAME: {}}).start()
    acmed.deployed(NAME)
    acmed.configure({NAME: {"profile": "shortlived"}})
    assert acmed.ctl("reload").code == 0
    s = wait_for(lambda: (s := acmed.status(NAME))["profile"] == "shortlived" and s, "the new profile")
    assert "profile" in s["reason"] and 3000 < s["next_at"] - s["last_issued"] <= 3700, s
    acmed.renew(NAME)
    assert lifetime(acmed.leaf(NAME)) < 7 * DAY
    s = acmed.deployed(NAME, 2)
    assert "profile" not in s["reason"]
    assert pebble.orders() == 2
