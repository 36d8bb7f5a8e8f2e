# SPDX-License-Identifier: MIT
"""What a start costs, however many certificates there are: each leaf is read once, and no key."""

import collections
import re
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from harness.daemon import BUILD
from harness.pki import DAY, Authority
from test_renew import plant

NAMES = [f"s{n}.example.com" for n in range(30)]
KEYS = ("privkey.pem", "haproxy.pem", "key.pem")
EXAMINED_AFTER = 5  # seconds


def can_trace():
    return subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode == 0


def opened(log, state):
    """How often each file below the state directory was opened, by all processes together. The files are examined some seconds after
    the start, which a slow machine gets to see: what is opened so late does not count."""
    found = re.findall(r"^\d+ +([\d.]+) (?:openat2?\(|<\.\.\. openat2? resumed>).* = \d+<(.*?)>$", log.read_text(), re.M)
    found = [(float(at), path.removeprefix(f"{state}/")) for at, path in found if path.startswith(f"{state}/")]
    first = {path: at for at, path in reversed(found)}
    start = max(first[f"certs/{n}/1/cert.pem"] for n in NAMES)
    return collections.Counter(path for at, path in found if at < start + EXAMINED_AFTER)


@pytest.mark.skipif(BUILD.name == "asan" or not can_trace(), reason="strace may not trace here, or a sanitizer would not stand it")
def test_a_start_reads_each_leaf_once_and_opens_no_key(acmed, place):
    authority, key, log = Authority("old"), ec.generate_private_key(ec.SECP256R1()), place / "opened.trace"
    for name in NAMES:
        plant(acmed, authority, [name], DAY, 90 * DAY, key)
    acmed.configure({n: {} for n in NAMES})
    acmed.wrapper = ["strace", "-D", "-f", "-y", "-qq", "-ttt", "-o", log, "-e", "trace=openat,openat2"]
    acmed.start()
    assert {c["name"]: c["state"] for c in acmed.status()["certificates"]} == dict.fromkeys(NAMES, "valid")
    assert acmed.stop() == 0
    counts = opened(log, acmed.state)
    assert {n: counts[f"certs/{n}/1/cert.pem"] for n in NAMES} == dict.fromkeys(NAMES, 1)
    assert not [p for p in counts if p.endswith(KEYS)]
    read = {p for p in counts if p.endswith(".pem")}
    assert len(read) == len(NAMES), f"more than the leaves is read: {sorted(read)[:5]}"
