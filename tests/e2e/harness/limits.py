# SPDX-License-Identifier: MIT
"""A proxy in front of Pebble that limits as Let's Encrypt does: buckets that refill steadily, 429 with Retry-After."""

import email.utils
import threading
import time

from .faults import Fault
from .message import Reply
from .proxy import Proxy


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


class Limits(Fault):
    """orders, nonces: (n, seconds). domains: {registered domain: (n, seconds)}; each_domain: of every one. sets: of the same names; those
    that were asked for before are renewals, exempt from `orders` and the domains' limits. date: Retry-After as a date."""

    def __init__(self, orders=None, nonces=None, domains=None, each_domain=None, sets=None, date=False):
        super().__init__("*", times=None)
        self.orders = Bucket(*orders) if orders else None
        self.nonces = Bucket(*nonces) if nonces else None
        self.domains = {d: Bucket(*b) for d, b in (domains or {}).items()}
        self.each_domain, self.set_limit, self.sets = each_domain, sets, {}
        self.date, self.refused = date, 0
        self.lock = threading.Lock()

    def takes(self, request):
        return request.kind in ("newNonce", "newOrder")

    def instead(self, request):
        with self.lock:
            wait, detail = self.limit(request)
            if not wait:
                return None
            self.refused += 1
        seconds = int(wait) + 1
        when = email.utils.formatdate(time.time() + seconds, usegmt=True) if self.date else str(seconds)
        problem = {"type": "urn:ietf:params:acme:error:rateLimited", "detail": detail, "status": 429}
        return Reply.problem(429, problem, {"Retry-After": when})

    def limit(self, request):
        if request.kind == "newNonce":
            return self.nonces.take() if self.nonces else 0, "too many requests for nonces"
        found = frozenset(request.names)
        renewal = self.set_limit and found in self.sets
        if self.set_limit:
            wait = self.sets.setdefault(found, Bucket(*self.set_limit)).take()
            if wait:
                return wait, f"too many certificates ({self.set_limit[0]}) already issued for this exact set of identifiers in the last {self.set_limit[1]}s"
        if renewal:
            return 0, ""
        if self.each_domain:
            for n in found:  # the tests' registered domains have two labels
                self.domains.setdefault(".".join(n.split(".")[-2:]), Bucket(*self.each_domain))
        for domain, bucket in self.domains.items():
            if any(n == domain or n.endswith("." + domain) for n in request.names):
                wait = bucket.take()
                if wait:
                    return wait, f'too many certificates ({bucket.n}) already issued for "{domain}" in the last {bucket.window}s'
        if self.orders:
            return self.orders.take(), f"too many new orders ({self.orders.n}) from this account in the last {self.orders.window}s"
        return 0, ""


class LimitedProxy(Proxy):
    def __init__(self, pebble, **limits):
        self.limits = Limits(**limits)
        super().__init__(pebble)
        self.add(self.limits)

    @property
    def refused(self):
        return self.limits.refused
