# SPDX-License-Identifier: MIT
"""A program that a test starts, watches and ends, by its process id only."""

import os
import signal
import subprocess

from .wait import PATIENCE


class Process:
    def __init__(self, argv, log, cwd=None, env=None, user=None, umask=-1):
        self.log = log
        ids = {"user": user, "group": user, "extra_groups": []} if user is not None else {}
        with open(log, "ab") as out:
            self.popen = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=cwd,
                                          env={**os.environ, **(env or {})}, start_new_session=True, umask=umask, **ids)
        self.pid = self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def send(self, number):
        if self.running():
            self.popen.send_signal(number)

    def stop(self, number=signal.SIGTERM, seconds=20 * PATIENCE):
        """Asks it to end and waits; returns its exit status."""
        self.send(number)
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait(5)
            raise

    def text(self):
        return self.log.read_text(errors="replace")


def children(pid):
    """The processes below `pid`, by name."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat") as f:
                head, tail = f.read().rsplit(")", 1)
        except OSError:
            continue
        if int(tail.split()[1]) == pid:
            found[head.split("(", 1)[1]] = int(entry)
    return found


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def memory_of(pid):
    """The most it ever had, in KiB."""
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))


def run(argv, **more):
    return subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60 * PATIENCE, **more)
