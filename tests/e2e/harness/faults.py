# SPDX-License-Identifier: MIT
"""What a proxy does to requests and replies. Proxy.add() takes these, and whatever else has their three methods."""

import os
import socket
import struct
import threading

from .message import Reply
from .wait import PATIENCE


class Fault:
    """where: a kind of request (message.Request), the beginning of a path, or "*". name: of this order only. Of the requests that fit the
    first `skip` are let be, then `times` are hit (None: all). hits: those that were."""

    def __init__(self, where, name=None, times=1, skip=0):
        self.where, self.name, self.times, self.skip = where, name, times, skip
        self.hits = []

    def takes(self, request):
        """Is this request hit? Under the proxy's lock."""
        if self.name is not None and self.name != request.name:
            return False
        if not (self.where == "*" or self.where == request.kind or (self.where.startswith("/") and request.path.startswith(self.where))):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None and len(self.hits) >= self.times:
            return False
        self.hits.append(request)
        return True

    def instead(self, request):
        """A reply that is given without the CA hearing of the request; None: it hears of it."""
        return None

    def change(self, request, reply):
        """Changes the CA's reply, before anything of it is sent."""

    def send(self, connection, head, body, ended):
        """Sends it in its own way. False: others may. Otherwise the connection is closed. ended: an event, the proxy is stopped."""
        return False


class Answer(Fault):
    def __init__(self, where, status, problem=None, headers=(), **which):
        super().__init__(where, **which)
        self.status, self.problem, self.headers = status, problem, dict(headers)

    def instead(self, request):
        return Reply.problem(self.status, self.problem, self.headers)


class Rewrite(Fault):
    """rewrite(request, reply) changes the reply."""

    def __init__(self, where, rewrite, **which):
        super().__init__(where, **which)
        self.change = rewrite


class Hold(Fault):
    """One request that is not let through (before), or whose reply is kept (after), until release(); drop(): the request, or its reply, is
    lost."""

    def __init__(self, where, after=False, **which):
        super().__init__(where, **which)
        self.after, self.dropped = after, False
        self.reached, self.released = threading.Event(), threading.Event()

    def wait(self, seconds=30):
        assert self.reached.wait(seconds * PATIENCE), f"no request for {self.where} came"

    def release(self):
        self.released.set()

    def drop(self):
        self.dropped = True
        self.released.set()

    def pause(self):
        self.reached.set()
        self.released.wait(120)
        if self.dropped:
            raise ConnectionAbortedError("dropped as the test wants it")

    def instead(self, request):
        if not self.after:
            self.pause()

    def change(self, request, reply):
        if self.after:
            self.pause()


class Cut(Fault):
    """Ends the connection after `at` bytes of the reply: a number (negative: from the end), or a share of the headers ("head", 0.5) or of
    the body ("body", 0.5). reset: with RST; otherwise in good order, as if that were all."""

    def __init__(self, where, at, reset=True, **which):
        super().__init__(where, **which)
        self.at, self.reset = at, reset

    def offset(self, head, body):
        if isinstance(self.at, int):
            return self.at if self.at >= 0 else max(0, len(head) + len(body) + self.at)
        part, share = self.at
        return int(len(head) * share) if part == "head" else len(head) + int(len(body) * share)

    def send(self, connection, head, body, ended):
        connection.sendall((head + body)[:self.offset(head, body)])
        if self.reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(connection.detach())
        else:
            connection.unwrap()
        return True


class Drip(Fault):
    """A byte each `seconds`."""

    def __init__(self, where, seconds=1, **which):
        super().__init__(where, **which)
        self.seconds = seconds

    def send(self, connection, head, body, ended):
        for i in range(len(head) + len(body)):
            connection.sendall((head + body)[i:i + 1])
            if ended.wait(self.seconds):
                break
        return True


class Corrupt(Fault):
    """Inverts the byte at `share` of the body."""

    def __init__(self, where, share=0.5, **which):
        super().__init__(where, **which)
        self.share = share

    def change(self, request, reply):
        i = min(int(len(reply.body) * self.share), len(reply.body) - 1)
        reply.body = reply.body[:i] + bytes([reply.body[i] ^ 0xff]) + reply.body[i + 1:]
