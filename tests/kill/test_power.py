# SPDX-License-Identifier: MIT
"""A power cut keeps what was synced, and of the rest whatever the disk likes: nothing becomes visible, and nobody is told,
before it is durable."""

import re
import signal
import subprocess

import pytest

from conftest import needs_root
from disk import can_trace
from harness.daemon import BUILD
from harness.process import Process
from harness.wait import wait_for
from recorded import CALLS, Disk

NAMES = [f"p{n}.example.com" for n in range(4)]

pytestmark = [needs_root, pytest.mark.skipif(not can_trace(), reason="strace may not trace here")]


def recorded(acmed, place, who, work):
    log = place / f"{who}.trace"
    talk = place / f"{who}.talk.log"
    p = Process(["strace", "-f", "-y", "-s", "8", "-o", log, "-e", f"trace={CALLS}", "-p", acmed.children()[who]], talk)
    wait_for(lambda: "attached" in talk.read_text(), "strace to attach")
    work()
    p.send(signal.SIGINT)
    p.popen.wait(20)
    return log.read_text()


@pytest.mark.parametrize("who, told", [
    # The keeper has one thread: whoever it answers hears only of what is durable.
    ("acmed-keeper", lambda name: name.startswith(("socket:", "UNIX"))),
    # The engine's writer wakes the loop when a batch is durable.
    ("acmed-engine", lambda name: "eventfd" in name),
], ids=["keeper", "engine"])
def test_durable_before_visible_before_told(acmed, place, who, told):
    acmed.configure({n: {} for n in NAMES}, log_level="info").start()
    for n in NAMES:
        acmed.deployed(n)

    def renew():
        acmed.renew(*NAMES)
        for n in NAMES:
            acmed.deployed(n, 2)
    text = recorded(acmed, place, who, renew)
    disk = Disk(acmed.state, told)
    disk.replay(text)
    print(f"{disk.renames} renames, told {disk.telling} times")
    assert not disk.wrong, disk.wrong[0]
    careless = Disk(acmed.state, told)
    careless.replay("\n".join(line for line in text.splitlines() if "fsync" not in line))
    assert len(careless.wrong) >= len(NAMES), "a process that never syncs would not be found out"
    if who == "acmed-engine":
        assert any("was written to before" in w for w in careless.wrong), "nor would one that writes into what may come back"
    assert disk.renames >= 2 * len(NAMES) and disk.telling >= len(NAMES)


BATCH = "test_they_share_what_can_be_shared"


def without(text, *ends):
    """The record of a process that does not sync what ends like this."""
    return "\n".join(line for line in text.splitlines() if not ("fsync(" in line and line.split(">", 1)[0].endswith(ends)))


def test_installs_in_one_batch(place):
    """Three certificates at once, in a program that tells /dev/null when it is told."""
    log = place / "batch.trace"
    subprocess.run(["strace", "-f", "-y", "-s", "8", "-o", log, "-e", f"trace={CALLS}", BUILD / "tests/keeper_test_batch", BATCH],
                   check=True, capture_output=True)
    text = log.read_text().split("/mark/installs-begin")[1]
    root = re.search(r"<(/tmp/acmed-keeper-\w+/state)/", text).group(1)

    def replayed(text):
        disk = Disk(root, lambda name: name.startswith("/dev/null"))
        disk.replay(text)
        return disk
    disk = replayed(text)
    assert not disk.wrong, disk.wrong[0]
    assert disk.renames == 6 and disk.telling == 3
    assert len(re.findall(r"fsync\(\d+</\S+/live>\)", text)) == len(re.findall(r"fsync\(\d+</\S+/certs>\)", text)) == 1
    # Each kind of sync is needed, and its lack is found out.
    for ends in [("/cert.pem",), ("/privkey.pem",), ("/.new-2",), ("/certs/two.test",), ("/live",)]:
        assert without(text, *ends) != text
        assert replayed(without(text, *ends)).wrong, f"that {ends} is never synced would not be found out"
