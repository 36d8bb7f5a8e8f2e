# SPDX-License-Identifier: MIT
"""FAULTS 1 to 8: what a CA may answer, right or wrong. Many certificates in one daemon, each with another answer."""

import email.utils
import json
import socket
import time

import pytest

from harness.daemon import BUILD, wait_of
from harness.faults import Answer, Corrupt, Fault
from harness.message import Reply
from harness.net import free_port
from harness.process import memory_of
from harness.wait import wait_for

NAME = "www.example.com"
HOUR, DAY = 3600, 86400


@pytest.fixture
def pebble(make_pebble):
    """Its own refusals of nonces would be hit by what is meant for replies."""
    return make_pebble(env={"PEBBLE_WFE_NONCEREJECT": "0"})


# -- 1: nonces ----------------------------------------------------------------------------------------------------------


def test_nine_of_ten_nonces_are_rejected(held, proxy):
    """The CA rejects what it did not give out."""
    given = iter(range(10 ** 6))

    def spoil(request, reply):
        if reply.get("Replay-Nonce") and next(given) % 10:
            reply.set("Replay-Nonce", f"spoilt{reply.get('Replay-Nonce')}")

    proxy.rewrite("*", spoil, times=None)
    held.configure({NAME: {}, "b.example.com": {}}).start()
    for name in (NAME, "b.example.com"):
        held.issued(name)
        assert proxy.orders(name) == 1
    assert held.status()["daemon"]["repeated_orders"] == 0
    assert "not issued: " not in held.text()
    assert proxy.pebble.log.count("bad nonce") + sum(s == 400 for _, _, s in proxy.requests) > 50


@pytest.mark.parametrize("since", ["directory", "newOrder"])
def test_all_nonces_are_rejected(held, proxy, since):
    """The account, or an order that is placed, waits for the CA to come to itself; it is told, and nothing goes round and round."""
    def spoil(request, reply):
        if reply.get("Replay-Nonce"):
            reply.set("Replay-Nonce", f"spoilt{reply.get('Replay-Nonce')}")

    proxy.rewrite(since, lambda request, reply: proxy.rewrite("*", spoil, times=None))
    held.configure({NAME: {}}).start()
    status = held.failed(NAME, 60)
    assert "badNonce" in held.told(NAME) and wait_of(status) > 50 and status["last_error"]["class"] == "transient", status
    assert held.status()["daemon"]["orders_in_flight"] == 0
    assert 20 < len(proxy.requests) < 250, len(proxy.requests)
    with proxy.lock:
        proxy.faults.clear()
    held.renew(NAME)
    held.issued(NAME)
    assert proxy.orders(NAME) == 1 and held.status()["daemon"]["repeated_orders"] == 0


def test_a_ca_that_gives_no_nonce(held, proxy):
    """Neither in replies nor when asked for one: an error that says so, and no loop."""
    silent = proxy.rewrite("*", lambda request, reply: reply.set("Replay-Nonce"), times=None)
    held.configure({NAME: {}}).start()
    status = held.failed(NAME)
    assert "nonce" in held.told(NAME) and wait_of(status) > 50, status
    asked = len(proxy.requests)
    assert asked <= 10, proxy.requests
    assert held.renew(NAME, code=1) and len(proxy.requests) <= asked + 10
    proxy.remove(silent)
    held.renew(NAME)
    assert proxy.orders(NAME) == 1


@pytest.mark.parametrize("nonce", [None, "not base64url!", ""])
def test_a_ca_that_gives_nonces_only_when_asked(held, proxy, nonce):
    def hide(request, reply):
        if request.method == "POST":
            reply.set("Replay-Nonce", *([nonce] if nonce is not None else []))

    proxy.rewrite("*", hide, times=None)
    held.configure({NAME: {}}).start()
    held.issued(NAME)
    assert proxy.count("/nonce-plz") >= 7


def test_nonces_run_out_in_the_middle_of_an_order(held, proxy):
    """The order waits and is gone on with; it is not placed again."""
    proxy.rewrite("challenge", lambda request, reply: proxy.rewrite("*", lambda q, r: r.set("Replay-Nonce"), times=None), name=NAME)
    proxy.answer("newNonce", 500, skip=1, times=None)
    held.configure({NAME: {}}).start()
    status = held.failed(NAME)
    assert "nonce" in held.told(NAME), status
    with proxy.lock:
        proxy.faults.clear()
    held.renew(NAME)
    assert proxy.orders(NAME) == 1


# -- 2: Retry-After -----------------------------------------------------------------------------------------------------


def at(seconds):
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


# What the CA says, and the seconds that are to pass at least and at most; None: it is waited for within the order.
ORDER_WAITS = {
    "soon-429": (429, "2", None), "now-429": (429, "0", None), "date-soon-503": (503, lambda: at(3), None),
    "past-429": (429, lambda: at(-100000), None), "past-503": (503, "Thu, 01 Jan 1970 00:00:00 GMT", None),
    "hour-429": (429, str(HOUR), (HOUR, 1.11 * HOUR)), "hour-503": (503, str(HOUR), (HOUR, 1.11 * HOUR)),
    "date-429": (429, lambda: at(2 * HOUR), (2 * HOUR - 5, 2.22 * HOUR)),
    "huge-429": (429, "9" * 40, (DAY - 5, 1.11 * DAY)), "huge-503": (503, "86401", (DAY - 5, 1.11 * DAY)),
    "far-429": (429, "Fri, 31 Dec 9999 23:59:59 GMT", (DAY - 5, 1.11 * DAY)),
    "negative-429": (429, "-3600", (50, 70)), "garbage-429": (429, "after lunch", (50, 70)), "none-429": (429, None, (50, 70)),
    "negative-503": (503, "-3600", None), "garbage-503": (503, "0x10", None),
}


def retry_after(value):
    value = value() if callable(value) else value
    return {"Retry-After": value} if value is not None else {}


class AnswerWhenReady(Answer):
    """Once, when the CA has validated: an attempt that ends sooner takes back what answers the challenge."""

    def __init__(self, *which, **name):
        super().__init__(*which, times=None, **name)
        self.given = False

    def instead(self, request):
        return None

    def change(self, request, reply):
        if self.given or reply.json.get("status") != "ready":
            return
        self.given = True
        problem = Reply.problem(self.status, self.problem, self.headers)
        reply.status, reply.headers, reply.body = problem.status, problem.headers, problem.body


@pytest.mark.parametrize("kind", ["authorization", "challenge", "order", "finalize", "certificate"])
def test_an_order_obeys_retry_after(held, proxy, kind):
    names = {f"{label}.example.com": case for label, case in ORDER_WAITS.items()}
    if kind == "finalize":
        # A pause that the CA asks for ends the attempt, however short it is; the order stays.
        names |= {f"{label}.example.com": (*ORDER_WAITS[label][:2], (50, 70)) for label in ("soon-429", "now-429", "date-soon-503", "past-429", "past-503")}
    told = time.time()
    for name, (status, value, _) in names.items():
        problem = "rateLimited" if status == 429 else None
        if kind == "order":
            proxy.add(AnswerWhenReady(kind, status, problem, retry_after(value), name=name))
        else:
            proxy.answer(kind, status, problem, retry_after(value), name=name)
    held.configure({n: {} for n in names}, max_orders=24).start()
    # First those that are tried again within about a minute.
    for name, (_, value, wait) in sorted(names.items(), key=lambda n: n[1][2] or (2 * DAY,)):
        if not wait:
            held.issued(name)
            continue
        status = held.failed(name)
        passed = max(0, status["last_error"]["at"] - told) if callable(value) else 0  # of the time until the date
        assert wait[0] - passed <= wait_of(status) <= wait[1], (name, wait_of(status), status)
        assert status["last_error"]["class"] == "rate-limited" and status["attempts"] == 1, status
        assert "HTTP 429" in held.told(name) or "HTTP 503" in held.told(name)
    # A validation that acmed is not there to answer would end the order.
    proven = sum(not wait for _, _, wait in names.values()) if kind in ("authorization", "challenge") else len(names)
    wait_for(lambda: proxy.pebble.log.count("set VALID") >= proven, "the CA's validations")
    held.kill()
    before = proxy.heard()
    journals = {n: held.journal(n) for n, case in names.items() if case[2]}
    # On a slow machine a minute may be over by now, and those that had to wait for one are at their second attempt, or after it.
    tried = {n for n, j in journals.items() if names[n][2][1] < HOUR and j["attempts"] != 1 and time.time() > told + 50}
    for name in tried:
        del journals[name]
    assert all(j["attempts"] == 1 and j["not_before"] - j["attempt_at"] > 30 for j in journals.values()), journals
    held.start()
    for name, j in journals.items():
        status = held.status(name)
        assert time.time() >= j["not_before"] or (status["attempts"] == 1 and abs(status["next_at"] - j["not_before"]) <= 1), (status, j)
    # The directory, and renewal information, are also for those that have been issued.
    asked = [known for _, p, _ in proxy.requests[before:] if (known := proxy.atlas.known.get(p)) and known[0] != "directory"]
    waiting = {n for n, j in journals.items() if time.time() < j["not_before"]}
    assert not [name for _, name in asked if name in waiting] and (not asked or tried or len(waiting) < len(journals)), (
        "somebody was asked before his time", asked)
    held.renew(*journals)
    assert all(proxy.orders(n) == 1 for n in names)


# A CA that says nothing of use of when to come back.
BLIND = (14 * 60, 17 * 60)


@pytest.mark.parametrize("kind, status, value, wait", [
    ("newOrder", 429, "9" * 40, (DAY - 5, 1.11 * DAY)), ("newOrder", 429, lambda: at(2 * HOUR), (2 * HOUR - 5, 2.22 * HOUR)),
    ("newOrder", 503, str(HOUR), (HOUR - 5, 1.11 * HOUR)), ("newOrder", 429, "-1", BLIND), ("newOrder", 503, "tomorrow", BLIND),
    ("newOrder", 429, lambda: at(-DAY), (50, 70)), ("directory", 503, str(HOUR), (HOUR - 5, 1.11 * HOUR)),
    ("newNonce", 503, str(HOUR), (HOUR - 5, 1.11 * HOUR)), ("newNonce", 429, "-1", BLIND), ("newAccount", 429, "9" * 40, (DAY - 5, 1.11 * DAY)),
])
def test_a_ca_that_asks_for_a_pause_gets_it(held, proxy, kind, status, value, wait):
    began = time.time()
    fault = proxy.answer(kind, status, "rateLimited" if status == 429 else None, retry_after(value), times=None)
    held.configure({NAME: {}, "b.example.com": {}}).start()
    # Its first word counts alone, even if it is that the time is over already.
    wait_for(lambda: (c := held.status()["daemon"]["cas"][0])["state"] == "closed" and began + wait[0] <= c["until"] <= time.time() + wait[1],
             f"the CA to be closed for {wait} s")
    text = " ".join(held.ctl("status").text.split())
    assert f"HTTP {status}" in text and "wait" in text, text
    wait_for(lambda: held.status()["daemon"]["orders_in_flight"] == 0, "what was asked besides to be answered")
    held.kill()
    hits = len(fault.hits)
    assert hits <= 4, fault.hits
    held.start()
    wait_for(lambda: held.status()["daemon"]["cas"][0]["state"] == "closed", "the CA to be closed again")
    assert len(fault.hits) <= hits + 1, "a restart does not ask all over again"
    held.kill()
    proxy.remove(fault)
    held.start()
    held.issued(NAME)
    assert proxy.orders(NAME) == 1


# -- 3, 4, 5: states of orders ------------------------------------------------------------------------------------------


def test_processing_is_polled_as_told_and_survives_a_restart(held, proxy):
    def processing(request, reply):
        document = reply.json
        if document.get("status") == "valid":
            document["status"] = "processing"
            document.pop("certificate", None)
            reply.json = document
            reply.set("Retry-After", wait)
            polls.append(time.monotonic())

    polls, wait = [], "1"
    for kind in ("finalize", "order"):
        proxy.rewrite(kind, processing, times=None)
    held.configure({NAME: {}}).start()
    wait_for(lambda: len(polls) >= 3, "polls")
    assert held.status(NAME)["state"] == "ordering" and "waiting for the CA to issue" in held.told(NAME)
    held.kill()
    before = len(polls)
    held.start()
    wait_for(lambda: len(polls) >= before + 4, "polls after the restart")
    before += 1  # the first may be one of before the kill, that the CA had not answered
    assert all(b - a > 0.9 for a, b in zip(polls[before:], polls[before + 1:])), polls
    wait = str(HOUR)
    status = held.failed(NAME)
    assert HOUR - 5 <= wait_of(status) <= 1.11 * HOUR, status
    assert "asks to come back" in held.told(NAME)
    with proxy.lock:
        proxy.faults.clear()
    held.renew(NAME)
    assert proxy.orders(NAME) == 1 and held.status()["daemon"]["repeated_orders"] == 0


def test_an_invalid_order_is_told_with_all_it_says(held, proxy):
    def invalid(request, reply):
        urn = "urn:ietf:params:acme:error:"
        problem = {"type": urn + "compound", "detail": "Two things are wrong", "status": 403, "subproblems": [
            {"type": urn + "caa", "detail": "CAA of b forbids it", "identifier": {"type": "dns", "value": "b.example.com"}},
            {"type": urn + "dns", "detail": "no address for c", "identifier": {"type": "dns", "value": "c.example.com"}}]}
        reply.json = {**reply.json, "status": "invalid", "error": problem}

    names = [NAME, "b.example.com", "c.example.com"]
    proxy.rewrite("order", invalid, times=None, name=NAME)
    held.configure({NAME: {"domains": " ".join(names)}, "fine.example.com": {}}).start()
    held.issued("fine.example.com")
    status = held.failed(NAME)
    text = held.told(NAME)
    assert "CAA of b forbids it" in text and "b.example.com" in text and "no address for c" in text and "Two things are wrong" in text, text
    assert 20 * HOUR < wait_of(status) < 1.11 * DAY and status["last_error"]["class"] == "permanent"
    asked = len(proxy.requests)
    assert held.renew(NAME, code=1) and proxy.orders(NAME) == 2 and len(proxy.requests) < asked + 12


def test_failures_without_number(held, proxy):
    """FAULTS 13: the count of attempts does not come round to a beginning, nor the pause to nothing."""
    def invalid(request, reply):
        reply.json = {**reply.json, "status": "invalid", "error": {"type": "urn:ietf:params:acme:error:caa", "detail": "CAA forbids it", "status": 403}}

    proxy.rewrite("order", invalid, times=None)
    held.configure({NAME: {}}).start()
    held.failed(NAME)
    held.stop()
    path = held.state / f"state/{NAME}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "attempts": 2 ** 32 - 3}))
    held.start()
    for _ in range(4):
        assert held.renew(NAME, code=1)
        status = held.status(NAME)
        assert 60 <= wait_of(status) <= 1.11 * DAY and status["attempts"] >= 2 ** 32 - 3, status


def test_what_is_proven_already_is_not_proven_again(make_acmed, make_pebble, make_proxy):
    proxy = make_proxy(make_pebble(env={"PEBBLE_AUTHZREUSE": "100"}))
    acmed = make_acmed(proxy)
    acmed.configure({NAME: {}}).start()
    acmed.deployed(NAME)
    challenges = proxy.count("/chalZ")
    acmed.renew(NAME)
    assert proxy.count("/chalZ") == challenges and proxy.orders(NAME) == 2


def test_a_ca_that_gives_the_same_order_again(held, proxy):
    """As Boulder does while an order for the same names is pending."""
    first = []

    def lost(request, reply):
        first.append((reply.status, list(reply.headers), reply.body))
        raise ConnectionAbortedError("the test lost it")

    def same(request, reply):
        if reply.status != 201:
            return  # the lost one, sent again: its nonce is spent
        nonce = reply.get("Replay-Nonce")
        reply.status, reply.headers, reply.body = first[0]
        reply.set("Replay-Nonce", nonce)

    proxy.rewrite("newOrder", lost)
    proxy.rewrite("newOrder", same, skip=1, times=None)
    held.configure({NAME: {}}).start()
    held.issued(NAME)
    used = json.loads(first[0][2])["finalize"].rsplit("/", 1)[1]
    assert f"for order {used}" in proxy.pebble.log
    assert held.status()["daemon"]["repeated_orders"] == 1


@pytest.fixture
def used(held, proxy):
    """A certificate is deployed; from now on newOrder is answered with its order, which is finished. The fault."""
    order = {}
    seen = [proxy.rewrite(kind, lambda q, r: order.update(r.json if r.json["status"] == "valid" else {}), times=None) for kind in ("finalize", "order")]
    held.configure({NAME: {}}).start()
    held.deployed(NAME)
    for fault in seen:
        proxy.remove(fault)
    (path,) = proxy.atlas.orders[NAME]

    def give_back(request, reply):
        if reply.status == 201:
            reply.json = order
            reply.set("Location", f"https://127.0.0.1:{proxy.port}{path}")

    return proxy.rewrite("newOrder", give_back, times=None)


def test_a_used_order_is_no_renewal(held, proxy, used):
    """Its certificate is the one in use: nothing has begun anew, and nothing is put off for it."""
    before = wait_for(lambda: (j := held.journal(NAME))["issued"] and j, "the first certificate to be in the journal")
    assert "used already" in held.renew(NAME, code=1).text
    status = held.status(NAME)
    assert status["generation"] == 1 and status["attempts"] == 1 and status["last_error"]["class"] == "transient", status
    assert 50 <= wait_of(status) <= 70 or status["next_at"] == status["renew_at"], status
    assert "used already" in held.told(NAME)
    journal = wait_for(lambda: (j := held.journal(NAME))["last_error"] and j, "the failure to be on disk")
    assert journal["issued"] == before["issued"] and journal["order"] is None, journal
    assert held.renew(NAME, code=1) and held.status(NAME)["attempts"] == 2
    proxy.remove(used)
    held.renew(NAME)
    assert held.status(NAME)["generation"] == 2


def test_a_used_order_is_no_renewal_after_a_restart_either(held, proxy, used):
    hold = proxy.hold("certificate")
    assert held.ctl("renew", "now", NAME, "--force", "--no-wait").code == 0
    hold.wait()
    held.kill()
    hold.drop()
    proxy.remove(used)
    held.start()
    held.deployed(NAME, 2)
    held.says("used already")
    assert "issued: generation 1" not in held.text()


# -- 6: bodies ----------------------------------------------------------------------------------------------------------


def members(change):
    def rewrite(request, reply):
        reply.json = change(reply.json)
    return rewrite


def body(data, kind="text/html"):
    def rewrite(request, reply):
        reply.body = data
        reply.set("Content-Type", kind)
    return rewrite


def moved(request, reply):
    reply.status, reply.body = 301, b""
    reply.set("Location", f"https://{request.headers['Host']}{request.path}")


def twice(request, reply):
    reply.body = b'{"status": "valid", "status": "invalid", ' + reply.body.lstrip()[1:]


BODIES = {
    "types": members(lambda d: {k: 7 if isinstance(v, str) else str(v) for k, v in d.items()}), "missing": members(lambda d: {}),
    "duplicate": twice, "html": body(b"<html><body>502 Bad Gateway</body></html>"), "array": body(b"[]"), "empty": body(b""),
    "deep": body(b'{"status":' + b"[" * 10000 + b"]" * 10000 + b"}"), "utf8": body(b'{"status": "\xff\xfe"}'), "nul": body(b'{"status": "va\0lid"}'),
}
HUGE = body(b'{"status": "' + b"x" * 10_000_000 + b'"}', "application/json")


def test_a_reply_that_cannot_be_used_is_asked_for_again(held, proxy):
    names = {f"{kind.lower()}-{label}.example.com": (kind, change) for kind in ("newOrder", "authorization", "challenge", "order", "finalize")
             for label, change in BODIES.items()}
    names |= {f"certificate-{label}.example.com": ("certificate", BODIES[label]) for label in ("html", "array", "empty", "nul")}
    faults = [proxy.rewrite(kind, change, name=name) for name, (kind, change) in names.items()]
    held.configure({n: {} for n in names}, max_orders=24).start()
    for name in names:
        held.issued(name)
    assert all(len(f.hits) == 1 for f in faults)
    assert {n: proxy.orders(n) for n in names if proxy.orders(n) != 1} == {}
    assert "not issued: " not in held.text()


@pytest.mark.slow
def test_a_reply_that_stays_useless_is_told(held, proxy):
    """And what is too large is not even read; memory stays bounded."""
    kinds = ("newOrder", "authorization", "challenge", "order", "finalize", "certificate")
    names = {f"{kind.lower()}-{what}.example.com": (kind, change, words) for kind in kinds
             for what, change, words in (("huge", HUGE, "larger than 1024 KiB"), ("html", BODIES["html"], ""))}
    for name, (kind, change, _) in names.items():
        proxy.rewrite(kind, change, times=None, name=name)
    proxy.add(Corrupt("certificate", 0.3, name="corrupt.example.com"))
    held.configure({n: {} for n in (*names, "corrupt.example.com", "fine.example.com")}, max_orders=24).start()
    held.issued("fine.example.com")
    status = held.failed("corrupt.example.com")
    assert "certificate" in held.told("corrupt.example.com") and held.generation("corrupt.example.com") == 0, status
    for name, (kind, _, words) in names.items():
        if kind in ("newOrder", "challenge", "finalize") and "html" in name:
            held.issued(name)  # the order or the authorization, which is asked, tells what became of it
            continue
        status = held.failed(name, 40)
        assert words in held.told(name) and wait_of(status) > 50, (name, held.told(name))
        assert proxy.orders(name) == 1
    if BUILD.name not in ("asan", "coverage"):
        assert memory_of(held.children()["acmed-engine"]) < 64 * 1024


class Heads(Fault):
    """10 MB of headers come before the end of the head. cut: not all of them were taken."""

    cut = False

    def send(self, connection, head, body, ended):
        block = b"".join(b"X-%04d: " % i + b"y" * 1000 + b"\r\n" for i in range(100))
        try:
            connection.sendall(head[:-2])
            for _ in range(100):
                connection.sendall(block)
            connection.sendall(b"\r\n" + body)
        except OSError:
            self.cut = True
        return True


def test_headers_without_end_are_cut_off(held, proxy):
    """And the reply is asked for again, by the same engine, whose memory stays bounded."""
    names = {f"{kind.lower()}.example.com": kind for kind in ("authorization", "order", "certificate")}
    faults = [proxy.add(Heads(kind, name=name)) for name, kind in names.items()]
    held.configure({n: {} for n in names}).start()
    engine = held.children()["acmed-engine"]
    for name in names:
        held.issued(name)
        assert proxy.orders(name) == 1
    wait_for(lambda: all(f.cut for f in faults), "the proxy to notice that nobody reads on")
    assert all(len(f.hits) == 1 for f in faults) and "not issued: " not in held.text()
    assert held.children()["acmed-engine"] == engine
    if BUILD.name not in ("asan", "coverage"):
        assert memory_of(engine) < 64 * 1024


def test_a_ca_whose_first_words_cannot_be_used(held, proxy):
    """Directory and account: told each time, nothing is ordered, and when it is itself again all goes on."""
    held.configure({NAME: {}})
    proxy.rewrite("directory", BODIES["html"])
    held.start()
    held.failed(NAME)
    for kind in ("directory", "newAccount"):
        for label, change in {**BODIES, "huge": HUGE, "moved": moved}.items():
            fault = proxy.rewrite(kind, change)
            r = held.renew(NAME, code=1)
            assert fault.hits and "CA pebble" in r.text, (kind, label, r)
            assert ("directory" if kind == "directory" else "account") in held.told(NAME)
    assert proxy.orders(NAME) == 0
    held.renew(NAME)


# -- 7, 8: URLs and tokens ------------------------------------------------------------------------------------------------


def test_no_url_of_another_place_is_asked_for(held, proxy, ending):
    """Terms of service may be anywhere: they are only shown."""
    stranger = socket.create_server(("127.0.0.1", free_port()))
    stranger.setblocking(False)
    ending(stranger.close)
    foreign = f"https://127.0.0.1:{stranger.getsockname()[1]}/x"
    bad = {"foreign": foreign, "http": f"http://127.0.0.1:{proxy.port}/x", "file": "file:///etc/passwd", "user": f"https://127.0.0.1:{proxy.port}@{foreign[8:]}",
           "name": f"https://localhost:{proxy.port}/x", "crlf": f"https://127.0.0.1:{proxy.port}/x\r\nX: y", "relative": "/my-order/1", "none": ""}

    def put(member, url):
        def change(document):
            if member == "challenge":
                for c in document["challenges"]:
                    c["url"] = url
            else:
                document[member] = [url] if member == "authorizations" else url
        return change

    where = {"finalize": "newOrder", "authorizations": "newOrder", "challenge": "authorization", "certificate": "order"}
    names = {}
    for member, kind in where.items():
        for label, url in bad.items():
            names[f"{member}-{label}.example.com"] = kind
            if kind == "order":
                proxy.rewrite(kind, lambda q, r, u=url: "certificate" in r.json and setattr(r, "json", {**r.json, "certificate": u}),
                              times=None, name=f"{member}-{label}.example.com")
            else:
                proxy.rewrite_json(kind, put(member, url), times=None, name=f"{member}-{label}.example.com")
    for label in ("foreign", "http", "file"):
        names[f"location-{label}.example.com"] = "newOrder"
        proxy.rewrite("newOrder", lambda q, r, u=bad[label]: r.set("Location", u), name=f"location-{label}.example.com")
    directory = proxy.rewrite_json("directory", lambda d: d.update(newOrder=foreign))
    held.configure({NAME: {}, **{n: {} for n in names}}, max_orders=24).start()
    status = wait_for(lambda: next((s for s in held.status()["certificates"] if s["last_error"]), None), "the directory to be refused")
    assert "newOrder" in status["last_error"]["text"] and "another host" in status["last_error"]["text"], status
    proxy.remove(directory)
    proxy.rewrite_json("directory", lambda d: d["meta"].update(termsOfService=foreign, website=foreign), times=None)
    held.renew(NAME)
    for name in names:
        # That the directory was refused may still be told of those that have not had their turn since.
        wait_for(lambda n=name: "newOrder" not in (held.status(n)["last_error"] or {"text": "newOrder"})["text"], f"an error of {name}'s own", 30)
        status = held.failed(name)
        text = held.told(name)
        assert "URL" in text or "https" in text, (name, text)
        assert wait_of(status) > 50 and proxy.orders(name) <= 2
    with pytest.raises(BlockingIOError):
        stranger.accept()
    assert not any(held.generation(n) for n in names)


def test_no_token_is_used_that_could_be_more(held, proxy):
    tokens = {"dots": "../x", "empty": "", "long": "a" * 4096, "nul": "a\0b", "crlf": "abc\r\nX: y", "slash": "a/b", "percent": "%2e%2e", "padding": "abcd=",
              "blank": "a b", "number": 7, "umlaut": "tökén"}

    def put(token):
        def change(document):
            for c in document["challenges"]:
                c["token"] = token
        return change

    names = {f"{label}.example.com": token for label, token in tokens.items()}
    for name, token in names.items():
        proxy.rewrite_json("authorization", put(token), times=None, name=name)
    held.configure({n: {} for n in (NAME, *names)}, max_orders=24).start()
    held.issued(NAME)
    for name in names:
        status = held.failed(name, 40)
        assert "token" in held.told(name) and wait_of(status) > 50, (name, status)
    with proxy.lock:
        answered = {r.name for f in proxy.faults for r in f.hits if r.kind == "challenge"}
    assert not answered
    assert sum(p.startswith("/chalZ") for _, p, _ in proxy.requests) <= 3, "nothing was answered for them"
