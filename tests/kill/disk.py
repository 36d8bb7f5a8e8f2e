# SPDX-License-Identifier: MIT
"""Disks that fail: single system calls of a running process, by strace; whole file systems, by mounting small ones."""

import os
import re
import signal
import subprocess

from harness.process import Process
from harness.wait import wait_for

# What changes something on the disk or makes it durable. Between two of these a kill makes no difference that can be
# seen afterwards: what was written but not renamed is swept.
CHANGES = "mkdirat,fsync,fdatasync,renameat,renameat2,unlinkat,symlinkat,fchmod"

# What a quota may refuse; with write, which is not only for files, where a process has nothing else to write to.
ROOM = "mkdirat,fsync,fdatasync,renameat,renameat2,symlinkat"

# As an error of strace's --inject: a harmless call is made instead of none, so that the filter of system calls lets the error through.
QUOTA = "error=EDQUOT:syscall=getpid"


class Tampered:
    """A process some of whose system calls fail, or are never made because it is killed instead. how: as strace's --inject
    takes it behind the names of the calls ("signal=KILL:when=3")."""

    def __init__(self, pid, log, how, calls=CHANGES):
        self.log = log
        log.unlink(missing_ok=True)
        self.talk = log.with_suffix(".talk.log")
        self.talk.unlink(missing_ok=True)
        threads = len(os.listdir(f"/proc/{pid}/task"))
        self.process = Process(["strace", "-f", "-o", log, "-e", f"trace={calls}", f"--inject={calls}:{how}", "-p", pid], self.talk)
        wait_for(lambda: len(re.findall(r"attached", self.talk.read_text())) >= min(threads, 1), "strace to attach")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.end()

    def end(self):
        """Lets go of the process, which goes on."""
        if self.process.running():
            self.process.send(signal.SIGINT)
            self.process.popen.wait(20)

    def struck(self):
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "INJECTED" in text or "killed by SIGKILL" in text


def can_trace():
    r = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True)
    return r.returncode == 0


class SmallDisk:
    """A file system of its own, which can be filled. Only root can make one."""

    def __init__(self, path, kind):
        self.path, self.kind = path, kind
        path.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,nr_inodes=600,mode=0755", "acmed-test", path], check=True, capture_output=True)

    def fill(self):
        """Until nothing goes in any more."""
        n = 0
        try:
            if self.kind == "bytes":
                with open(self.path / "fill", "wb", buffering=0) as f:
                    while True:
                        f.write(b"x" * 4096)
            while True:
                (self.path / f"fill{n}").touch()
                n += 1
        except OSError:
            pass

    def free(self):
        for f in self.path.glob("fill*"):
            f.unlink()

    def stop(self):
        subprocess.run(["umount", "-l", self.path], check=False)
