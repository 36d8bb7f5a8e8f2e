# SPDX-License-Identifier: MIT
"""What strace recorded of a process, read as a disk does that loses everything not synced at a power cut."""

import os
import re

CALLS = "openat,mkdirat,write,sendmsg,sendto,fsync,fdatasync,renameat,renameat2,symlinkat,close"
LINE = re.compile(r"^(\d+)\s+(?:[\d.]+ )?(\w+)\((.*)\)\s+= (-?\d+)(?:<(.*?)>)?")
FD = re.compile(r"^(\d+)<(.*?)>")
AT = re.compile(r'^(?:\d+|AT_FDCWD)<(.*?)>, "(.*?)"')
SYMLINK = re.compile(r'^"(.*?)", \d+<(.*?)>, "(.*?)"$')
RENAME = re.compile(r'^\d+<(.*?)>, "(.*?)", \d+<(.*?)>, "(.*?)"')

UNFINISHED = re.compile(r"/history/|/\.new-")  # what nobody is told of


def joined(text):
    """Lines, with calls put together that strace had to interrupt."""
    begun = {}
    for line in text.splitlines():
        tid = line.split(" ", 1)[0]
        if line.endswith("<unfinished ...>"):
            begun[tid] = line[: -len("<unfinished ...>")].rstrip()
            continue
        m = re.match(r"^\d+\s+<\.\.\. \w+ resumed>(.*)$", line)
        yield begun.pop(tid, "") + m.group(1) if m else line


class Disk:
    """dirty: files with data that no fsync has covered; names: directories with entries that none has covered; returning:
    files that were replaced, and would be in their old places after a power cut."""

    def __init__(self, root, told):
        """told(descriptor's name): somebody is told of what was done, when this is written to."""
        self.root, self.told = str(root), told
        self.dirty, self.names, self.links, self.wrong = set(), {}, {}, []
        self.returning = set()
        self.renames = self.telling = 0

    def replay(self, text):
        for line in joined(text):
            m = LINE.match(line)
            if m and int(m.group(4)) >= 0:
                getattr(self, "on_" + m.group(2), self.ignore)(m.group(3), m.group(5) or "", m.group(1))

    def ignore(self, *unused):
        pass

    def made(self, path):
        folder = os.path.dirname(path)
        if path.startswith(self.root):
            self.names.setdefault(folder, set()).add(path)

    def on_openat(self, arguments, result, _tid):
        if "O_CREAT" in arguments:
            self.made(result)

    def on_mkdirat(self, arguments, _result, _tid):
        m = AT.match(arguments)
        self.made(f"{m.group(1)}/{m.group(2)}")

    def on_symlinkat(self, arguments, _result, _tid):
        m = SYMLINK.match(arguments)
        link = f"{m.group(2)}/{m.group(3)}"
        self.links[link] = os.path.normpath(f"{m.group(2)}/{m.group(1)}")
        self.made(link)

    def on_write(self, arguments, _result, tid):
        name = FD.match(arguments).group(2)
        if name.startswith(self.root):
            self.dirty.add(name)
            if name in self.returning:
                self.wrong.append(f"{name} was written to before what took its place was durable")
        elif self.told(name):
            self.tell(tid)

    def on_sendmsg(self, arguments, _result, tid):
        if self.told(FD.match(arguments).group(2)):
            self.tell(tid)

    on_sendto = on_sendmsg

    def on_fsync(self, arguments, _result, _tid):
        name = FD.match(arguments).group(2)
        self.dirty.discard(name)
        self.names.pop(name, None)
        self.returning = {p for p in self.returning if os.path.dirname(p) != name}

    on_fdatasync = on_fsync

    def lost_of(self, target):
        """What a link to this would lack: something in it, or a name on the way to it."""
        lost = {*self.dirty, *(p for ps in self.names.values() for p in ps)}
        return {p for p in lost if p == target or p.startswith(target + "/") or target.startswith(p + "/")}

    def on_renameat(self, arguments, _result, _tid):
        m = RENAME.match(arguments)
        old, new = f"{m.group(1)}/{m.group(2)}", f"{m.group(3)}/{m.group(4)}"
        if not new.startswith(self.root) or "/.old-" in new:
            return
        self.renames += 1
        inside = {p for p in self.dirty if p == old or p.startswith(old + "/")}
        inside |= {p for d, ps in self.names.items() if d == old or d.startswith(old + "/") for p in ps}
        if old in self.links:
            inside |= self.lost_of(self.links.pop(old))
        if inside:
            self.wrong.append(f"{new} became visible before these were durable: {sorted(inside)}")
        for names in self.names.values():
            names.discard(old)
        self.made(new)

    def on_renameat2(self, arguments, result, tid):
        self.on_renameat(arguments, result, tid)
        m = RENAME.match(arguments)
        if arguments.endswith("RENAME_EXCHANGE"):
            self.returning.add(f"{m.group(1)}/{m.group(2)}")

    def tell(self, _tid):
        self.telling += 1
        left = sorted(p for p in {*self.dirty, *(p for ps in self.names.values() for p in ps)} if not UNFINISHED.search(p))
        if left:
            self.wrong.append(f"somebody was told before this was durable: {left}")
