# SPDX-License-Identifier: MIT
"""Renewal information (RFC 9773): when the CA suggests to renew, what an order replaces, and what is not to be believed."""

import base64
import datetime
import json
import threading
import time

import pytest
from cryptography import x509

from harness.ca import SERIAL_NOT_FOUND
from harness.faults import Fault
from harness.message import Reply
from harness.pki import DAY
from harness.wait import wait_for
from test_renew import plant

NAME = "www.example.com"
HOUR = datetime.timedelta(hours=1)
WHY = "https://ca.example/incident-7"


def now():
    return datetime.datetime.utcnow()


def time_passes(acmed, name, days=20):
    """As if the certificate had been issued and polled that long ago: acmed is stopped, its journal moved, acmed started."""
    acmed.stop()
    path = acmed.state / "state" / f"{name}.json"
    journal = json.loads(path.read_text())
    journal["issued"] = [t - days * 86400 for t in journal["issued"]]
    journal["ari"]["next_poll"] = 1
    text = json.dumps(journal)
    with path.open("r+") as f:  # its owner and mode stay
        f.truncate()
        f.write(text)
    acmed.start()


def certificate_id(leaf):
    key = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    serial = leaf.serial_number.to_bytes(leaf.serial_number.bit_length() // 8 + 1, "big")
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (key, serial))


def first_leaf(held):
    """The certificate that NAME has, of which Pebble knows the order."""
    leaf = held.leaf(NAME)
    if leaf.serial_number.bit_length() % 8 == 0:
        pytest.skip(SERIAL_NOT_FOUND)
    return leaf


@pytest.fixture
def orders(proxy):
    """The payloads of all newOrder requests that were looked at, in order."""
    seen = []

    class Seen(Fault):
        def change(self, request, reply):
            if not reply.json.get("type", "").endswith(":badNonce"):
                seen.append(request.payload)
    proxy.add(Seen("newOrder", times=None))
    return seen


def polls(proxy):
    with proxy.lock:
        return [p for m, p, _ in proxy.requests if m == "GET" and p != proxy.pebble.path]


def test_a_window_in_the_past_renews_at_once(held, pebble, proxy, orders):
    held.configure({NAME: {}}).start()
    held.deployed(NAME)
    first = first_leaf(held)
    assert "replaces" not in orders[0]
    pebble.suggest(first, now() - 2 * HOUR, now() - HOUR, WHY)
    time_passes(held, NAME)
    second = held.issued(NAME, 2)
    assert second.serial_number != first.serial_number
    assert [o.get("replaces") for o in orders] == [None, certificate_id(first)]
    assert polls(proxy)[0].endswith("/" + certificate_id(first))
    history = held.ctl("history", NAME).text
    assert "the CA asks for an early renewal" in history and WHY in history, history
    assert held.deployed(NAME, 2)["ari"]["polled_at"] == 0  # of the new certificate nothing is known yet


def test_a_window_to_come_is_waited_for_and_shown(held, pebble):
    held.configure({NAME: {}}).start()
    held.deployed(NAME)
    start, end = now() + 10 * DAY, now() + 12 * DAY
    pebble.suggest(held.leaf(NAME), start, end, WHY)
    time_passes(held, NAME)
    status = wait_for(lambda: (s := held.status(NAME))["ari"]["window_end"] and s, "the window")
    ari = status["ari"]
    assert abs(ari["window_start"] - start.replace(tzinfo=datetime.timezone.utc).timestamp()) < 2
    assert ari["window_start"] <= ari["chosen_at"] < ari["window_end"]
    assert status["renew_at"] == status["next_at"] == ari["chosen_at"]
    assert status["state"] == "valid" and WHY in status["reason"]
    text = " ".join(held.ctl("show", NAME).text.split())
    assert "CA suggests" in text and WHY in text and "asked again" in text, text
    # A restart does not draw again, nor ask sooner.
    held.stop()
    held.start()
    assert held.status(NAME)["ari"] == ari
    # Another window is another draw; one that was there before is not.
    pebble.suggest(held.leaf(NAME), start - 5 * DAY, end - 5 * DAY)
    time_passes(held, NAME, 0)
    wait_for(lambda: held.status(NAME)["ari"]["window_end"] == ari["window_end"] - 5 * 86400, "the new window")
    assert held.status(NAME)["ari"]["explanation"] is None


@pytest.mark.parametrize("status, problem", [(409, "alreadyReplaced"), (404, "malformed"), (401, "unauthorized"),
                                             (400, "malformed"), (403, "unauthorized"), (409, "conflict")])
def test_what_it_replaces_is_refused(held, proxy, orders, status, problem):
    """FAULTS 10: at once again without, and not held against the certificate."""
    held.configure({NAME: {}}).start()
    held.deployed(NAME)
    proxy.answer("newOrder", status, problem)
    held.renew(NAME)
    s = held.deployed(NAME, 2)
    assert s["attempts"] == 0 and s["last_error"] is None
    assert "replaces" not in orders[-1]
    held.says(f"{problem}, as the test wants it", "placed again without saying so")


def test_pebble_refuses_what_was_replaced(held, pebble, orders):
    """By Pebble's own lights: the order that replaces it is there, and of no use any more."""
    held.configure({NAME: {}}).start()
    held.deployed(NAME)
    first = first_leaf(held)
    held.renew(NAME)
    held.deployed(NAME, 2)
    assert orders[-1]["replaces"] == certificate_id(first)
    held.stop()
    link = held.state / "live" / NAME
    link.unlink()
    link.symlink_to(f"../certs/{NAME}/1")
    path = held.state / "state" / f"{NAME}.json"
    journal = json.loads(path.read_text())
    journal["issued_generation"] = 1
    with path.open("r+") as f:
        f.truncate()
        f.write(json.dumps(journal))
    held.start()
    held.renew(NAME)
    assert [o.get("replaces") for o in orders[-2:]] == [certificate_id(first), None]
    assert pebble.orders() == 3


def test_a_half_finished_order_holds_the_slot(held, proxy, orders):
    """The reply to newOrder is lost: that order, which nobody knows, replaces the certificate already."""
    held.configure({NAME: {}}).start()
    held.deployed(NAME)
    first = first_leaf(held)
    lost = proxy.hold("newOrder", after=True)
    held_up = proxy.answer("newOrder", 409, "alreadyReplaced", skip=1)
    request = threading.Thread(target=held.renew, args=(NAME,))
    request.start()
    lost.wait()
    lost.drop()
    request.join()
    s = held.deployed(NAME, 2)
    assert lost.hits[0].payload["replaces"] == held_up.hits[0].payload["replaces"] == certificate_id(first)
    assert "replaces" not in orders[-1]
    held.says("placed again without saying so")
    assert s["attempts"] == 0 and s["last_error"] is None


def test_a_certificate_of_another_ca_is_not_replaced(held, authority, orders, proxy):
    plant(held, authority, [NAME], 4 * DAY, 6 * DAY)
    held.configure({NAME: {}}).start()
    held.issued(NAME, 2)
    assert "replaces" not in orders[-1]


@pytest.mark.parametrize("answer", [
    b"<html>", b"{}", b"", b'{"suggestedWindow": {"start": 1577923200, "end": 1578009600}}', b'{"suggestedWindow": {"a":' + b"[" * 10000,
    b'{"suggestedWindow": {"start": "2020-01-02T00:00:00Z", "end": "2020-01-01T00:00:00Z"}}',
    b'{"suggestedWindow": {"start": "2020-01-02T00:00:00Z", "end": "9999-12-31T23:59:59Z"}}',
    b'{"suggestedWindow": {"start": "2020-01-02T00:00:00Z", "start": "2020-01-02T00:00:00Z", "end": "2020-01-03T00:00:00Z"}}'])
def test_what_cannot_be_used_is_ignored(held, proxy, answer):
    """FAULTS 9: the lifetime decides."""
    class Lie(Fault):
        def takes(self, request):
            return request.method == "GET" and request.kind is None

        def instead(self, request):
            return Reply(200, {"Content-Type": "application/json"}, answer)
    proxy.add(Lie("*"))
    held.configure({NAME: {}}).start()
    held.deployed(NAME)
    by_lifetime = held.status(NAME)["renew_at"]
    time_passes(held, NAME, 0)
    s = wait_for(lambda: (s := held.status(NAME))["ari"]["failures"] and s, "the poll")
    assert s["state"] == "valid" and s["renew_at"] == by_lifetime and s["ari"]["window_end"] == 0
    assert s["ari"]["error"] and s["generation"] == 1
    assert s["ari"]["next_poll"] - s["ari"]["polled_at"] >= 6 * 3600


@pytest.mark.parametrize("url", [None, "https://evil.example/renewal-info", "http://127.0.0.1/renewal-info", 7])
def test_a_directory_without_it(held, proxy, orders, url):
    """Not offered, or nowhere that acmed would go: everything else goes on."""
    def change(document):
        document.pop("renewalInfo", None)
        if url:
            document["renewalInfo"] = url
    proxy.faults.insert(0, proxy.rewrite_json("directory", change, times=None))
    held.configure({NAME: {}}).start()
    held.deployed(NAME)
    time_passes(held, NAME)
    wait_for(lambda: "renewal information: not offered" in held.text(), "a look at the directory")
    held.renew(NAME)
    assert held.generation(NAME) == 2 and "replaces" not in orders[-1]
    assert polls(proxy) == []
    assert held.status(NAME)["ari"]["polled_at"] == 0


def test_a_ca_that_is_away_costs_one_request(held, pebble, proxy):
    """One certificate asks for all, until the CA is back."""
    names = {f"n{i}.example.com": {} for i in range(5)}
    held.configure(names).start()
    for n in names:
        held.deployed(n)
    held.stop()
    for n in names:
        path = held.state / "state" / f"{n}.json"
        journal = json.loads(path.read_text())
        journal["ari"]["next_poll"] = 1
        with path.open("r+") as f:
            f.truncate()
            f.write(json.dumps(journal))
    proxy.answer("/", 503, None, times=None)
    held.start()
    wait_for(lambda: "cannot say now when to renew" in held.text(), "the failure to be told")
    assert len(polls(proxy)) == 0
    assert all(s["state"] == "valid" for s in held.status()["certificates"])
    assert held.text().count("cannot say now when to renew") == 1


def test_a_pause_that_the_ca_asks_for_holds_across_a_restart(held, proxy):
    later = "zz.example.com"  # looked at after the other one

    class Busy(Fault):
        def takes(self, request):
            if request.method == "GET" and request.kind is None:
                self.hits.append(request.path)
                return True
            return False

        def instead(self, request):
            return Reply.problem(503, "serverInternal", {"Retry-After": "7200"})
    busy = proxy.add(Busy("*"))
    held.configure({NAME: {}, later: {}}).start()
    ids = [certificate_id(held.issued(n)) for n in (NAME, later)]
    for n in (NAME, later):
        held.deployed(n)

    def asked():
        with proxy.lock:
            return [path.rsplit("/", 1)[1] for path in busy.hits]
    time_passes(held, NAME, 0)
    ari = wait_for(lambda: (a := held.status(NAME)["ari"])["failures"] and a, "the poll")
    assert 7200 <= ari["next_poll"] - ari["polled_at"] <= 1.11 * 7200, ari
    assert asked() == ids[:1]
    # What is due after the restart is polled, and nothing else.
    time_passes(held, later, 0)
    wait_for(lambda: held.status(later)["ari"]["failures"], "the poll of the other one")
    assert asked() == ids and held.status(NAME)["ari"] == ari


def test_many_are_polled_together(held, authority, proxy):
    """A hundred certificates: a few requests at a time, one for each, and after a restart none."""
    names = [f"n{i:03}.example.com" for i in range(100)]
    for n in names:
        plant(held, authority, [n], 10 * DAY, 90 * DAY)
    start = (now() + 20 * DAY).strftime("%Y-%m-%dT%H:%M:%SZ")
    end = (now() + 30 * DAY).strftime("%Y-%m-%dT%H:%M:%SZ")

    class Suggest(Fault):
        def __init__(self):
            super().__init__("*", times=None)
            self.lock, self.current, self.most, self.paths = threading.Lock(), 0, 0, []
            self.together = threading.Event()

        def takes(self, request):
            return request.method == "GET" and request.kind is None

        def instead(self, request):
            with self.lock:
                self.current += 1
                self.most = max(self.most, self.current)
                self.paths.append(request.path)
                if self.current > 1:
                    self.together.set()
            self.together.wait(20)  # the first one is not answered before there is another
            time.sleep(0.02)  # as far away as a CA is
            with self.lock:
                self.current -= 1
            return Reply(200, {"Retry-After": "21600"}, json.dumps({"suggestedWindow": {"start": start, "end": end}}).encode())
    suggest = proxy.add(Suggest())
    began = int(time.time())
    held.configure({n: {} for n in names}).start()

    def windows():
        return [s["ari"]["chosen_at"] for s in held.status()["certificates"] if s["ari"] and s["ari"]["chosen_at"]]
    wait_for(lambda: len(windows()) == len(names), "a window for each", 60)
    assert len(suggest.paths) == len(set(suggest.paths)) == len(names)
    assert 2 <= suggest.most <= 8
    chosen = windows()
    assert len(set(chosen)) > 95 and max(chosen) - min(chosen) > 7 * 86400
    due = [s["ari"]["next_poll"] for s in held.status()["certificates"]]
    assert min(due) >= began + 6 * 3600 and max(due) < time.time() + 6 * 3600 * 17 / 16 + 60
    held.stop()
    held.start()
    held.state_is(names[-1], "valid")
    assert windows() == chosen and len(suggest.paths) == len(names)
