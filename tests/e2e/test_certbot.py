# SPDX-License-Identifier: MIT
"""Moving over from certbot, as README has it."""

import pathlib
import re
import shlex
import shutil

from cryptography import x509

from harness.net import served, wait_served
from harness.pki import pem, pem_key
from harness.process import run
from harness.servers import Nginx

NAME = "www.example.com"
FILES = ("cert", "chain", "fullchain", "privkey")
README = pathlib.Path(__file__).parents[2] / "README.md"


def certbot(directory, authority, names):
    """What certbot leaves: files in archive/, links to the newest in live/. The leaf."""
    leaf, key = authority.issue(names)
    archive, live = directory / "archive" / names[0], directory / "live" / names[0]
    chain = pem(authority.certificate)
    for d in (archive, live):
        d.mkdir(parents=True)
    for file, data in zip(FILES, (pem(leaf), chain, pem(leaf) + chain, pem_key(key))):
        (archive / f"{file}1.pem").write_bytes(data)
        (live / f"{file}.pem").symlink_to(f"../../archive/{names[0]}/{file}1.pem")
    (archive / "privkey1.pem").chmod(0o600)
    return leaf


def change_path(nginx, certbots, acmeds):
    """README's own command, with the directories of this test."""
    (command,) = re.findall(r"`(sed [^`]*) /etc/nginx/sites-enabled/\*`", README.read_text())
    for theirs, ours in (("/etc/letsencrypt/live/", certbots), ("/var/lib/acmed/live/", acmeds)):
        assert command.count(theirs) == 1
        command = command.replace(theirs, f"{ours}/live/")
    # What is in sites-enabled is a link to sites-available.
    available = nginx.conf.rename(nginx.directory / "available.conf")
    nginx.conf.symlink_to(available)
    before = available.read_text()
    assert run([*shlex.split(command), nginx.conf]).returncode == 0
    assert available.read_text() == before.replace(f"{certbots}/live/", f"{acmeds}/live/") != before
    assert nginx.conf.is_symlink()
    for more in (["-t"], ["-s", "reload"]):
        done = run(nginx.command(*more))
        assert done.returncode == 0, done


def test_moving_over_is_one_changed_path(acmed, pebble, place, authority, ending):
    etc = place / "letsencrypt"
    names = [NAME, "example.com"]
    old = certbot(etc, authority, names)
    live = etc / "live" / NAME
    # Whoever staples has a path to the chain as well.
    nginx = Nginx(place / "nginx", live / "fullchain.pem", live / "privkey.pem", NAME, tls=f"ssl_trusted_certificate {live}/chain.pem;")
    ending(nginx.stop)
    wait_served(nginx.port, NAME, old)
    certificate = {"domains": " ".join(names), "hook": nginx.reload_command()}
    acmed.configure({NAME: certificate}).start()
    acmed.deployed(NAME)
    assert acmed.status(NAME)["state"] == "valid"
    assert served(nginx.port, NAME).serial_number == old.serial_number, "until the path is changed"

    assert {f"{f}.pem" for f in FILES} <= {p.name for p in acmed.live(NAME).iterdir()}
    cert, chain, fullchain = (acmed.live(NAME, f"{f}.pem").read_bytes() for f in ("cert", "chain", "fullchain"))
    assert fullchain == cert + chain and cert.count(b"BEGIN CERTIFICATE") == 1
    leaf = acmed.leaf(NAME)
    assert leaf.issuer == x509.load_pem_x509_certificate(chain).subject
    change_path(nginx, etc, acmed.state)
    wait_served(nginx.port, NAME, leaf)

    acmed.configure({NAME: {**certificate, "verify": f"127.0.0.1:{nginx.port}"}})
    for words in (["reload"], ["deploy", NAME]):
        r = acmed.ctl(*words)
        assert r.code == 0, r
    # certbot's files are of no use any more.
    shutil.rmtree(etc)
    acmed.renew(NAME)
    status = acmed.deployed(NAME, 2)
    assert status["deploy"]["served_at"] > 0 and pebble.orders() == 2
    assert acmed.leaf(NAME).serial_number != leaf.serial_number
    wait_served(nginx.port, NAME, acmed.leaf(NAME))
