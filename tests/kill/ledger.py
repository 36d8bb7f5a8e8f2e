# SPDX-License-Identifier: MIT
"""The CA's book of what acmed asked for; and, at the moment a request arrives, what must already be on acmed's disk."""

import collections
import json
import select
import threading

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from harness.message import path_of, unpack


def public(thing):
    """Comparable: what has public_key()."""
    return thing.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


class Ledger:
    """Watches a harness Proxy. engine(): the process that asks. wrong: sentences about requests that came before their record (L2, L3)."""

    def __init__(self, proxy, state, engine):
        self.state, self.wrong = state, []
        self.lock = threading.Lock()
        self.placed = collections.defaultdict(list)  # name: paths of its orders, in order
        self.authorizations = {}  # path: path of the last order that had it
        self.names = {}  # path of an order: name
        self.dead = set()  # orders that the CA declared invalid
        self.finished = set()  # orders that were finalized
        self.engine = engine
        self.asking = {}  # name: the process whose newOrder came last, whatever the CA made of it
        self.placed_by = {}  # name: which process placed its last order; None: one that died over it
        self.new_accounts, self.kids = 0, set()
        proxy.on_request, proxy.on_reply = self.on_request, self.on_reply

    @staticmethod
    def asks_no_more(connection):
        """Who asked is dead already: the disk may have moved on."""
        p = select.poll()
        p.register(connection.fileno(), select.POLLRDHUP)
        return bool(p.poll(0))

    def on_request(self, request):
        path = request.path
        try:
            by = self.engine() if path.startswith("/order-plz") else None
            complaint = self.before(path, request.protected, request.payload, None if self.asks_no_more(request.connection) else by)
        except (OSError, ValueError, LookupError, TypeError) as e:
            complaint = f"{path}: what acmed must know by now is not on the disk: {e!r}"
        if complaint and not self.asks_no_more(request.connection):
            with self.lock:
                self.wrong.append(complaint)

    def journal(self, name):
        return json.loads((self.state / "state" / f"{name}.json").read_text())

    def before(self, path, protected, payload, by):
        if path.startswith("/sign-me-up"):
            keys = list((self.state / "accounts").glob("*/key.pem"))
            if len(keys) != 1:
                return f"newAccount with {len(keys)} account keys on disk"
        if path.startswith("/order-plz"):
            return self.before_order(payload["identifiers"][0]["value"], by)
        if path.startswith("/finalize-order"):
            return self.before_finalize(payload["csr"])
        if path in self.authorizations and protected:
            order = self.authorizations[path]
            with self.lock:
                name = self.names[order]
                known = [None, *self.placed[name]]
            url = (self.journal(name)["order"] or {}).get("url")
            if path_of(url or "") not in known:
                return f"{name}: its authorization is asked for, and the order's URL is not on disk"
        return None

    def before_order(self, name, by):
        j = self.journal(name)
        order = j["order"]
        if not order or order["created"] == 0 or order["url"]:
            return f"{name}: newOrder without its intent on disk: {order}"
        with self.lock:
            last = self.placed[name][-1] if self.placed[name] else None
            again = last and last not in self.dead | self.finished and by and by == self.placed_by.get(name)
            self.asking[name] = by
        if again:
            return f"{name}: process {by} orders again what it ordered already"
        if j["attempts"] < 1 or j["not_before"] <= j["attempt_at"] or j["attempt_at"] == 0:
            return f"{name}: newOrder, and the attempt is not counted on disk: {j}"
        return None

    def before_finalize(self, csr):
        request = x509.load_der_x509_csr(unpack(csr))
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
        key = serialization.load_pem_private_key((self.state / "certs" / names[0] / "pending/key.pem").read_bytes(), None)
        if public(key) != public(request):
            return f"{names[0]}: finalize with a key that is not the one on disk"
        return None

    def on_reply(self, request, reply):
        with self.lock:
            try:
                self.note(request, reply)
            except (ValueError, LookupError) as e:
                self.wrong.append(f"{request.path}: the ledger cannot read it: {e!r}")

    def note(self, request, reply):
        path, status, document = request.path, reply.status, reply.json
        if path.startswith("/sign-me-up") and status == 201:
            self.new_accounts += 1
        if path.startswith("/order-plz") and status == 201:
            name, order = request.names[0], path_of(reply.get("Location"))
            self.kids.add(request.protected["kid"])
            if order not in self.names:
                self.placed[name].append(order)
                self.placed_by[name] = self.asking.get(name)
                self.names[order] = name
            for url in document["authorizations"]:
                self.authorizations[path_of(url)] = order
        if path.startswith("/finalize-order") and status == 200:
            self.finished.add(path.replace("/finalize-order/", "/my-order/"))
        if document.get("status") == "invalid":
            order = path if path in self.names else self.authorizations.get(path)
            if order:
                self.dead.add(order)

    def orders(self, name):
        with self.lock:
            return len(self.placed[name])

    def died(self, name):
        with self.lock:
            return sum(o in self.dead for o in self.placed[name])
