# SPDX-License-Identifier: MIT
"""TCP passed on, until connections are made to lead nowhere."""

import selectors
import socket
import threading

from .wait import PATIENCE


class Relay:
    """freeze(): what is connected by then passes nothing any more, and is not closed; new connections do."""

    def __init__(self, to):
        self.to, self.pairs, self.frozen, self.made = to, {}, [], 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.wake, self.woken = socket.socketpair()
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.selector.register(self.woken, selectors.EVENT_READ)
        self.idle = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def tell(self, what):
        self.idle.clear()
        self.wake.sendall(what)
        assert self.idle.wait(10 * PATIENCE)

    def freeze(self):
        """How many there are now."""
        self.tell(b"f")
        return len(self.frozen) // 2

    def stop(self):
        self.tell(b"s")
        self.thread.join(10)
        for s in (self.listener, self.wake, self.woken, *self.pairs, *self.frozen):
            s.close()

    def accept(self):
        a, _ = self.listener.accept()
        b = socket.create_connection(("127.0.0.1", self.to))
        self.made += 1
        for x, y in ((a, b), (b, a)):
            self.pairs[x] = y
            self.selector.register(x, selectors.EVENT_READ)

    def forget(self, *sockets):
        for s in sockets:
            self.selector.unregister(s)
            del self.pairs[s]

    def pass_on(self, s):
        other = self.pairs[s]
        try:
            data = s.recv(65536)
            if data:
                other.sendall(data)
                return
        except OSError:
            pass
        self.forget(s, other)
        s.close()
        other.close()

    def run(self):
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is self.listener:
                    self.accept()
                elif key.fileobj is self.woken:
                    what = self.woken.recv(1)
                    if what == b"f":
                        self.frozen += list(self.pairs)
                        self.forget(*list(self.pairs))
                    self.idle.set()
                    if what == b"s":
                        return
                elif key.fileobj in self.pairs:
                    self.pass_on(key.fileobj)
