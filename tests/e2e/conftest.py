# SPDX-License-Identifier: MIT
"""Each test has a directory, a CA and ports of its own; nothing is shared but the programs."""

import os
import pathlib
import shutil
import stat
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from harness.ca import Dns, Pebble  # noqa: E402
from harness.daemon import ROOT, Acmed, copy_programs  # noqa: E402
from harness.net import free_port  # noqa: E402
from harness.pki import Authority  # noqa: E402
from harness.proxy import Proxy  # noqa: E402
from harness.servers import Haproxy, Nginx, placeholder  # noqa: E402

needs_root = pytest.mark.skipif(not ROOT, reason="needs root")


def pytest_collection_modifyitems(items):
    """Each of pytest-xdist's workers begins with a stretch of the list, a quarter of its share: the slow ones lead in all of them."""
    slow = [i for i in items if i.get_closest_marker("slow")]
    others = [i for i in items if not i.get_closest_marker("slow")]
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    stretch = max(len(items) // workers // 4, 2)
    items.clear()
    for w in range(workers):
        items += slow[w::workers]
        room = max(0, (w + 1) * stretch - len(items))
        items += others[:room]
        del others[:room]
    items += others


def public_directory(prefix):
    """Like pytest's tmp_path, but others may enter it: acmed's engine is another user. Short: socket paths are."""
    d = pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    d.chmod(0o755)
    return d


@pytest.fixture(scope="session")
def prefix():
    d = public_directory("acmed-programs-")
    yield copy_programs(d)
    shutil.rmtree(d, ignore_errors=True)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    setattr(item, f"report_{call.when}", outcome.get_result())


@pytest.fixture
def place(request):
    """The test's directory. When it fails, the ends of all logs in there are shown; ACMED_TEST_KEEP=1 keeps it."""
    d = public_directory("acmed-e2e-")
    yield d
    report = getattr(request.node, "report_call", None)
    if report is None or report.failed:
        for log in sorted(d.rglob("*.log")):
            text = log.read_text(errors="replace").splitlines()
            print(f"--- {log.name}: the last of {len(text)} lines")
            print("\n".join(text[-60:]))
    if os.environ.get("ACMED_TEST_KEEP"):
        print(f"kept: {d}")
    else:
        shutil.rmtree(d, ignore_errors=True)


@pytest.fixture
def out(place):
    """A directory that hooks may write into."""
    d = place / "out"
    d.mkdir()
    return d


@pytest.fixture
def ending():
    """What is put in here is ended after the test, last first."""
    things = []
    yield things.append
    for t in reversed(things):
        t()


@pytest.fixture(scope="session")
def dns():
    d = public_directory("acmed-dns-")
    server = Dns(d)
    yield server
    server.stop()
    shutil.rmtree(d, ignore_errors=True)


@pytest.fixture
def authority():
    return Authority("an older CA")


@pytest.fixture
def http_port():
    """Where the CA looks for challenges, and acmed answers."""
    return free_port()


@pytest.fixture
def make_pebble(place, dns, http_port, ending):
    def make(**options):
        pebble = Pebble(place / options.pop("directory", "pebble"), options.pop("dns", dns), options.pop("http_port", http_port), **options)
        ending(pebble.stop)
        return pebble
    return make


@pytest.fixture
def pebble(make_pebble):
    return make_pebble()


@pytest.fixture
def make_proxy(ending):
    def make(ca, **options):
        p = Proxy(ca, **options)
        ending(p.stop)
        return p
    return make


@pytest.fixture
def proxy(pebble, make_proxy):
    return make_proxy(pebble)


@pytest.fixture
def make_acmed(prefix, place, http_port, ending):
    def make(ca=None, **options):
        directory = place / options.pop("directory", "acmed")
        directory.mkdir(exist_ok=True)
        options.setdefault("http_port", http_port)
        acmed = Acmed(prefix, directory, ca, **options)
        ending(acmed.end)
        return acmed
    return make


@pytest.fixture
def acmed(make_acmed, pebble):
    return make_acmed(pebble)


@pytest.fixture
def held(make_acmed, proxy):
    """acmed whose CA is reached through the proxy."""
    return make_acmed(proxy)


@pytest.fixture
def make_nginx(place, authority, ending):
    """nginx that serves acmed's live certificate of `name` once it is there and nginx is reloaded; until then a placeholder."""
    def make(acmed, name, **options):
        link = place / "served"
        placeholder(authority, place / "placeholder", name)
        link.symlink_to(place / "placeholder")
        nginx = Nginx(place / "nginx", link / "fullchain.pem", link / "privkey.pem", name, **options)
        link.unlink()
        link.symlink_to(acmed.live(name))
        nginx.link = link
        ending(nginx.stop)
        return nginx
    return make


@pytest.fixture
def make_haproxy(place, ending):
    def make(bundle):
        h = Haproxy(place / "haproxy", bundle)
        ending(h.stop)
        return h
    return make


@pytest.fixture
def script(place):
    """script(name, text): a hook program."""
    def make(name, text):
        path = place / name
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)
        return path
    return make


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)
