# SPDX-License-Identifier: MIT
"""What acmed asked and what the CA said, as the proxy passes it on; and of whom it is about."""

import base64
import collections
import http.client
import json
import re
import urllib.parse


def unpack(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def path_of(url):
    return re.sub(r"^https://[^/]+", "", url)


class Request:
    """kind: what it asks for, in the words of RFC 8555: directory, newNonce, newAccount, newOrder, order, authorization, challenge, finalize,
    certificate, ...; None where no reply told of such a URL. name: the first name of the order that it belongs to."""

    def __init__(self, method, path, headers, body, connection):
        self.method, self.path, self.headers, self.body, self.connection = method, path, headers, body, connection
        self.kind = self.name = None

    @property
    def protected(self):
        return json.loads(unpack(json.loads(self.body)["protected"])) if self.body else {}

    @property
    def payload(self):
        payload = unpack(json.loads(self.body)["payload"]) if self.body else b""
        return json.loads(payload) if payload else {}

    @property
    def names(self):
        """Of the identifiers in a newOrder request."""
        return [i["value"] for i in self.payload["identifiers"]]


class Reply:
    """body: bytes. Content-Length is made when it is sent, unless a header of that name was put in."""

    def __init__(self, status, headers=(), body=b""):
        self.status, self.headers, self.body = status, [], body
        for name, value in headers.items() if isinstance(headers, dict) else headers:
            if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                self.headers.append((name, str(value)))

    @classmethod
    def problem(cls, status, problem=None, headers=()):
        """problem: the document, or the name of a standard type."""
        if isinstance(problem, str):
            problem = {"type": f"urn:ietf:params:acme:error:{problem}", "detail": f"{problem}, as the test wants it", "status": status}
        return cls(status, {"Content-Type": "application/problem+json", **dict(headers)}, json.dumps(problem or {}).encode())

    def get(self, name):
        return next((v for n, v in self.headers if n.lower() == name.lower()), None)

    def set(self, name, *values):
        """None, one or several headers of that name."""
        self.headers = [(n, v) for n, v in self.headers if n.lower() != name.lower()] + [(name, str(v)) for v in values]

    @property
    def json(self):
        """{}: it is none."""
        try:
            document = json.loads(self.body)
        except ValueError:
            return {}
        return document if isinstance(document, dict) else {}

    @json.setter
    def json(self, document):
        self.body = json.dumps(document).encode()

    def head(self):
        lines = [f"HTTP/1.1 {self.status} {http.client.responses.get(self.status, 'Whatever')}"]
        headers = self.headers if self.get("Content-Length") else [*self.headers, ("Content-Length", str(len(self.body)))]
        return ("\r\n".join([*lines, *(f"{n}: {v}" for n, v in headers)]) + "\r\n\r\n").encode("latin-1")


class Atlas:
    """Which path is what, learned from the CA's own replies, so that it holds for every CA. orders: the paths of those placed, by name."""

    def __init__(self, directory):
        self.known = {urllib.parse.urlsplit(directory).path: ("directory", None)}
        self.orders = collections.defaultdict(list)

    def place(self, request):
        request.kind, request.name = self.known.get(request.path, (None, None))
        if request.kind == "newOrder":
            request.name = request.names[0]

    def note(self, url, kind, name):
        self.known.setdefault(path_of(url), (kind, name))

    def learn(self, request, reply):
        if not 200 <= reply.status < 300:
            return
        document, name = reply.json, request.name
        if request.kind == "directory":
            for kind, url in document.items():
                if isinstance(url, str):
                    self.note(url, kind, None)
        if request.kind == "newOrder":
            order = path_of(reply.get("Location"))
            self.known[order] = ("order", name)
            if order not in self.orders[name]:
                self.orders[name].append(order)
        for url in document.get("authorizations") or []:
            self.note(url, "authorization", name)
        for challenge in document.get("challenges") or []:
            self.note(challenge["url"], "challenge", name)
        for kind in ("finalize", "certificate"):
            if kind in document:
                self.note(document[kind], kind, name)
