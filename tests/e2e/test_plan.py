# SPDX-License-Identifier: MIT
"""acmectl plan: what will happen when, and what the limits leave."""

import time

import pytest

from harness.limits import LimitedProxy
from harness.varlink import VarlinkError
from harness.wait import wait_for


@pytest.fixture
def planned(make_pebble, make_acmed, ending):
    """Six certificates of one domain, of which the CA lets three have theirs within the hour."""
    proxy = LimitedProxy(make_pebble(env={"PEBBLE_WFE_NONCEREJECT": "0"}))
    ending(proxy.stop)
    acmed = make_acmed(proxy)
    acmed.configure({f"n{i}.busy.com": {} for i in range(6)}, ca={"limits": "100/1h domain:3/1h"}).start()
    wait_for(lambda: sum(s["state"] == "valid" for s in acmed.status()["certificates"]) == 3, "three certificates")
    return acmed


def test_waiting_orders_and_what_is_left(planned):
    plan = planned.ctl("plan", "--json").json
    events, now = plan["events"], time.time()
    assert len(events) == 3 and plan["later"] == 3, plan
    for k, e in enumerate(events, 1):  # one more each 20 minutes
        assert abs(e["at"] - now - k * 1200) < 180, (k, e, now)
        assert e["due"] <= now + 1 and e["action"] == "issue" and "at most 3 new certificates in 1 h for busy.com" in e["reason"], e
    ca, = plan["cas"]
    assert ca["name"] == "pebble" and ca["limits_in_use"] == 1, ca
    orders, domain = ca["limits"]
    came_back = 1 + (time.time() - planned.status()["daemon"]["started_at"]) // 36  # one of the 100 each 36 s
    assert orders["limit"] == "orders" and orders["allowed"] == 100 and 97 <= orders["left"] <= 97 + came_back and orders["room_at"] == 0, orders
    assert domain["of"] == "busy.com" and domain["left"] == 0 and domain["window"] == 3600, domain
    assert abs(domain["room_at"] - now - 1200) < 180, domain


def test_text_for_people(planned):
    text = planned.ctl("plan").text
    assert "Today, " in text or "Tomorrow, " in text
    assert "busy.com  issue: CA pebble issues at most 3" in text and "(due 20" in text, text
    assert "3 certificates later." in text
    assert "CA pebble: ready" in text and "0 of 3 new certificates of busy.com in 1 h left; the next 20" in text, text
    waiting = next(s["name"] for s in planned.status()["certificates"] if s["state"] != "valid")
    one = planned.ctl("plan", waiting, "--days", "366")
    assert one.code == 0 and one.text.count("busy.com  ") == 1, one
    assert "Nothing will happen in the next 1 day." in planned.ctl("plan", "n0.busy.com", "--days", "1").text or \
        "n0.busy.com" == waiting


def test_bad_questions(planned):
    assert planned.ctl("plan", "--days", "0").code == 2
    assert planned.ctl("plan", "nobody.example").code != 0
    with planned.varlink() as v:
        with pytest.raises(VarlinkError, match="InvalidParameter"):
            v.call("org.acmed.Control.Plan", {"days": 367})
        replies = list(v.stream("org.acmed.Control.Plan", {"days": 7}))  # one event a reply
    assert len(replies) == 3 and all(len(r["events"]) == 1 for r in replies), replies
    assert [len(r["cas"]) for r in replies] == [0, 0, 1]


def test_what_lies_behind_the_last_day(planned):
    """Renewals far ahead are no events of these days."""
    plan = planned.ctl("plan", "--json", "--days", "1").json
    assert plan["later"] == 3 and all(e["at"] < time.time() + 86400 for e in plan["events"])
