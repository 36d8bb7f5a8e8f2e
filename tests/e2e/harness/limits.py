# SPDX-License-Identifier: MIT
"""A proxy in front of Pebble that limits as Let's Encrypt does: buckets that refill steadily, 429 with Retry-After."""

import base64
import email.utils
import json
import time

from .ca import Proxy


class Bucket:
    """`n` at once, and then `n` each `window` seconds."""

    def __init__(self, n, window):
        self.n, self.window, self.full_at = n, window, 0.0

    def take(self):
        """0: taken; else the seconds until it would be."""
        now, interval = time.time(), self.window / self.n
        full_at = max(self.full_at, now) + interval
        if full_at - now > self.window + 1e-6:
            return full_at - now - self.window
        self.full_at = full_at
        return 0


class LimitedProxy(Proxy):
    """orders, nonces: (n, seconds). domains: {registered domain: (n, seconds)}. date: Retry-After as a date."""

    def __init__(self, pebble, orders=None, nonces=None, domains=None, date=False):
        self.orders = Bucket(*orders) if orders else None
        self.nonces = Bucket(*nonces) if nonces else None
        self.domains = {d: Bucket(*b) for d, b in (domains or {}).items()}
        self.date, self.refused = date, 0
        super().__init__(pebble)

    def find_fault(self, path, body):
        wait, detail = self.limit(path, body)
        if not wait:
            return super().find_fault(path, body)
        self.refused += 1
        seconds = int(wait) + 1
        when = email.utils.formatdate(time.time() + seconds, usegmt=True) if self.date else str(seconds)
        problem = {"type": "urn:ietf:params:acme:error:rateLimited", "detail": detail, "status": 429}
        return [path, 429, problem, {"Retry-After": when}, 1]

    def limit(self, path, body):
        if path.startswith("/nonce-plz") and self.nonces:
            return self.nonces.take(), "too many requests for nonces"
        if not path.startswith("/order-plz"):
            return 0, ""
        for domain, bucket in self.domains.items():
            if any(n == domain or n.endswith("." + domain) for n in names(body)):
                wait = bucket.take()
                if wait:
                    return wait, f'too many certificates ({bucket.n}) already issued for "{domain}" in the last {bucket.window}s'
        if self.orders:
            return self.orders.take(), f"too many new orders ({self.orders.n}) from this account in the last {self.orders.window}s"
        return 0, ""


def names(body):
    """Of the identifiers in a newOrder request."""
    payload = json.loads(body)["payload"]
    payload = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return [i["value"] for i in payload["identifiers"]]
