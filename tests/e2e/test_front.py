# SPDX-License-Identifier: MIT
"""A CA behind a web server, as all public ones are, that ends its connections every few requests."""

import os
import signal

import pytest

from harness.net import free_port, listens
from harness.process import Process, children
from harness.relay import Relay
from harness.servers import program
from harness.wait import wait_for

FRONT = """
{user} daemon off; worker_processes 1; pid {d}/nginx.pid; error_log {d}/logs/error.log notice;
events {{ worker_connections 256; }}
http {{
    access_log off; client_body_temp_path {d}/tmp; proxy_temp_path {d}/tmp; fastcgi_temp_path {d}/tmp; uwsgi_temp_path {d}/tmp; scgi_temp_path {d}/tmp;
    server {{ listen 127.0.0.1:{port} ssl {http2}; ssl_certificate {ca}/https.pem; ssl_certificate_key {ca}/https.key;
        keepalive_requests {requests};
        location / {{ proxy_pass https://127.0.0.1:{to}; proxy_set_header Host $http_host; }} }}
}}
"""


class Front:
    """nginx before Pebble; requests: so many on a connection."""

    def __init__(self, directory, pebble, http2, requests):
        self.pebble, self.ca_file, self.port, path = pebble, pebble.ca_file, free_port(), pebble.path
        for d in (directory, directory / "tmp", directory / "logs"):
            d.mkdir()
        self.directory_url = f"https://127.0.0.1:{self.port}{path}"
        (directory / "nginx.conf").write_text(FRONT.format(
            user="user root;" if os.geteuid() == 0 else "", d=directory, port=self.port, http2="http2" if http2 else "", ca=pebble.directory,
            requests=requests, to=pebble.port))
        self.process = Process([program("nginx"), "-e", directory / "logs/early.log", "-p", directory, "-c", directory / "nginx.conf"],
                               directory / "nginx.log")
        wait_for(lambda: listens(self.port), "nginx")


@pytest.fixture(params=[False, True], ids=["http1", "http2"])
def make_front(request, make_pebble, place, ending):
    """make_front(requests): a Pebble behind nginx, over HTTP/1 and over HTTP/2."""
    def make(requests):
        front = Front(place / "front", make_pebble(env={"PEBBLE_WFE_NONCEREJECT": "0"}), request.param, requests)
        ending(front.process.stop)
        return front
    return make


def test_connections_end_now_and_then(make_acmed, make_front):
    """It says so beforehand, so that next to nothing is lost: of some forty ends one may cross a request on its way, which is looked into."""
    front = make_front(requests=7)
    acmed = make_acmed(front)
    names = [f"n{i:02}.example.com" for i in range(40)]
    acmed.configure({n: {} for n in names}).start()
    for name in names:
        acmed.issued(name)
    lost, repeated = acmed.text().count(": no reply"), acmed.status()["daemon"]["repeated_orders"]
    assert repeated <= lost <= 3
    assert len(names) <= front.pebble.orders() <= len(names) + repeated


@pytest.mark.slow
def test_kept_connections_lead_nowhere(make_acmed, make_front, ending):
    """As after a firewall forgot them: the renewal that meets them needs no second one."""
    front = make_front(requests=1000)
    relay = Relay(front.port)
    ending(relay.stop)
    front.directory_url = front.directory_url.replace(f":{front.port}/", f":{relay.port}/")
    acmed = make_acmed(front)
    acmed.configure({"www.example.com": {}}).start()
    acmed.deployed("www.example.com")
    assert relay.freeze() > 0
    before = relay.made
    acmed.renew("www.example.com")
    assert acmed.generation("www.example.com") == 2 and relay.made > before
    acmed.renew("www.example.com")
    assert acmed.generation("www.example.com") == 3
    assert front.pebble.orders() <= 4  # what became of the first request of a frozen connection is not known


def test_the_front_dies_in_the_middle(make_acmed, make_front):
    """All its connections end at once, whatever is under way on them: nothing is ordered twice but what was just being placed."""
    front = make_front(requests=1000)
    acmed = make_acmed(front)
    names = [f"n{i:02}.example.com" for i in range(40)]
    acmed.configure({n: {} for n in names}).start()
    ended = set()
    for orders in (3, 12, 24):
        wait_for(lambda n=orders: front.pebble.orders() >= n, f"{orders} orders")
        worker = wait_for(lambda: (pid := children(front.process.pid)["nginx"]) not in ended and pid, "a worker of nginx")
        os.kill(worker, signal.SIGKILL)
        ended.add(worker)
    for name in names:
        acmed.issued(name, seconds=100)
    # A request for an order may have been lost before the CA heard it.
    assert len(names) <= front.pebble.orders() <= len(names) + acmed.status()["daemon"]["repeated_orders"]
