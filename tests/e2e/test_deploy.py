# SPDX-License-Identifier: MIT
"""From live/ to the server that clients reach."""

import os

import pytest

from conftest import needs_root
from harness.net import served, wait_served
from harness.process import alive
from harness.wait import wait_for

NAME = "www.example.com"


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def test_what_a_hook_is_told(acmed, script, out):
    hook = script("hook", f'env >{out}/env; id -u >{out}/uid; echo "$#:$1:$2" >{out}/args; echo hello from the hook\n')
    acmed.configure({NAME: {"domains": f"{NAME} b.example.com", "hook": f'{hook} one two'}}).start()
    acmed.deployed(NAME)
    env = dict(line.split("=", 1) for line in lines(out / "env") if "=" in line)
    assert env["ACMED_CERTIFICATE"] == NAME
    assert sorted(env["ACMED_DOMAINS"].split()) == ["b.example.com", NAME]
    assert env["ACMED_EVENT"] == "issued"
    assert env["ACMED_DIR"].endswith(f"/{NAME}/1") or env["ACMED_DIR"].endswith(f"/live/{NAME}")
    assert os.path.samefile(env["ACMED_FULLCHAIN"], acmed.live(NAME, "fullchain.pem"))
    assert os.path.samefile(env["ACMED_PRIVKEY"], acmed.live(NAME, "privkey.pem"))
    assert int(env["ACMED_NOT_AFTER"]) == acmed.status(NAME)["not_after"]
    assert lines(out / "uid") == [str(os.geteuid())]
    assert lines(out / "args") == ["2:one:two"]
    acmed.says("hello from the hook")
    history = acmed.ctl("history", NAME, "--json").events
    assert any("hello from the hook" in (e["output"] or "") for e in history)
    acmed.renew(NAME)
    acmed.deployed(NAME, 2)
    assert "ACMED_EVENT=renewed" in lines(out / "env")


@needs_root
def test_hook_user(acmed, script, out):
    out.chmod(0o777)
    hook = script("hook", f"id -u >{out}/uid; id -G >{out}/groups\n")
    acmed.configure({NAME: {"hook": hook, "hook_user": "daemon"}}).start()
    acmed.deployed(NAME)
    assert lines(out / "uid") == ["1"] and lines(out / "groups") == ["1"]


@pytest.mark.slow
def test_hook_fails_then_succeeds(acmed, pebble, script, out):
    """Repeated after a minute; the certificate is not ordered again."""
    hook = script("hook", f'echo run >>{out}/runs; [ -e {out}/mended ] || {{ echo the disk is full >&2; exit 3; }}\n')
    acmed.configure({NAME: {"hook": hook}}).start()
    status = wait_for(lambda: (s := acmed.status(NAME))["deploy"]["last_error"] and s, "the hook's failure to be shown")
    assert status["state"] == "deploying" and status["generation"] == 1
    assert "3" in status["deploy"]["last_error"]["text"]
    acmed.says("the disk is full")
    assert 50 <= status["deploy"]["next_at"] - status["deploy"]["last_error"]["at"] <= 70
    assert acmed.ctl("status", "--check").code == 1
    (out / "mended").touch()
    acmed.deployed(NAME, seconds=100)
    assert len(lines(out / "runs")) == 2
    assert pebble.orders() == 1
    assert acmed.ctl("status", "--check").code == 0


def test_deploy_now_does_not_wait(acmed, pebble, script, out):
    hook = script("hook", f'echo "$ACMED_EVENT" >>{out}/runs; [ -e {out}/mended ]\n')
    acmed.configure({NAME: {"hook": hook}}).start()
    wait_for(lambda: acmed.status(NAME)["deploy"]["last_error"], "the hook's failure to be shown")
    assert acmed.ctl("deploy", NAME).code == 1
    (out / "mended").touch()
    r = acmed.ctl("deploy", NAME)
    assert r.code == 0, r
    assert acmed.status(NAME)["deploy"]["step"] == "done"
    assert pebble.orders() == 1


def test_the_deploy_record_survives_a_kill(acmed, script, out):
    hook = script("hook", f'echo run >>{out}/runs; [ -e {out}/mended ]\n')
    acmed.configure({NAME: {"hook": hook}}).start()
    wait_for(lambda: acmed.journal(NAME)["deploy"]["last_error"], "the hook's failure to be on disk")
    acmed.kill()
    acmed.start()
    status = acmed.status(NAME)
    assert status["deploy"]["step"] == "hook" and status["deploy"]["attempts"] == 1
    (out / "mended").touch()
    assert acmed.ctl("deploy", NAME).code == 0


def test_a_hanging_hook_and_all_its_descendants_end(acmed, script, out):
    """A grandchild in a session of its own, its parent gone: the time-out reaches it all the same."""
    hook = script("hook", f"""
setsid sh -c 'echo $$ >{out}/grandchild.new; mv {out}/grandchild.new {out}/grandchild; exec sleep 600' >/dev/null 2>&1 &
echo $$ >{out}/hook
exec sleep 600
""")
    acmed.configure({NAME: {"hook": hook, "hook_timeout": "5s"}, "b.example.com": {}}).start()
    grandchild = wait_for(lambda: int((out / "grandchild").read_text()), "the grandchild")
    child = wait_for(lambda: int((out / "hook").read_text()), "the hook's own pid")
    acmed.issued("b.example.com")
    error = wait_for(lambda: acmed.status(NAME)["deploy"]["last_error"], "the time-out to be shown")
    assert "ran longer than 5 s" in error["text"], error
    wait_for(lambda: not alive(child) and not alive(grandchild), "both to be gone")


def test_a_hook_that_became_writable_is_not_run(acmed, script, out):
    """It was in order when the configuration was read."""
    hook = script("hook", f"echo run >>{out}/runs\n")
    acmed.configure({NAME: {"hook": hook}}).start()
    acmed.deployed(NAME)
    os.chmod(hook, 0o777)
    r = acmed.ctl("deploy", NAME, "--no-wait")
    assert r.code == 0, r
    error = wait_for(lambda: acmed.status(NAME)["deploy"]["last_error"], "the refusal to be shown")
    assert "not run" in error["text"] and "can be written by everybody" in error["text"]
    assert len(lines(out / "runs")) == 1
    os.chmod(hook, 0o755)
    assert acmed.ctl("deploy", NAME).code == 0
    assert len(lines(out / "runs")) == 2


def test_what_a_successful_hook_left_running_stays(acmed, script, out, ending):
    """It holds the hook's output open: the end of the hook is what counts."""
    hook = script("hook", f"setsid sleep 600 & echo $! >{out}/server\n")
    acmed.configure({NAME: {"hook": hook}}).start()
    acmed.deployed(NAME)
    server = int((out / "server").read_text())
    ending(lambda: os.kill(server, 9))
    assert alive(server)


def test_a_flood_of_output_is_bounded(acmed, script):
    hook = script("hook", "head -c 50000000 /dev/zero | tr '\\0' x; echo; echo the end\n")
    acmed.configure({NAME: {"hook": hook}}).start()
    acmed.deployed(NAME, seconds=60)
    assert acmed.log.stat().st_size < 2_000_000
    assert max(len(e["output"] or "") for e in acmed.ctl("history", NAME, "--json").events) < 70_000


@pytest.mark.slow
def test_a_reload_that_changes_nothing_is_noticed(acmed, script, out, make_nginx, pebble):
    """The hook says 0 and the web server goes on with the old leaf: only the handshake tells."""
    nginx = make_nginx(acmed, NAME)
    hook = script("hook", f"echo run >>{out}/runs; [ -e {out}/mended ] || exit 0; exec {nginx.reload_command()}\n")
    acmed.configure({NAME: {"hook": hook, "verify": f"127.0.0.1:{nginx.port}"}}).start()
    leaf = acmed.issued(NAME)
    status = wait_for(lambda: (s := acmed.status(NAME))["deploy"]["last_error"] and s, "the old leaf to be noticed", 100)
    assert status["state"] == "deploying"
    assert str(nginx.port) in status["deploy"]["last_error"]["text"]
    (out / "mended").touch()
    acmed.deployed(NAME, seconds=120)
    wait_served(nginx.port, NAME, leaf)
    assert len(lines(out / "runs")) >= 2
    assert pebble.orders() == 1


def test_haproxy_serves_the_bundle(acmed, make_haproxy, authority, place):
    from harness.servers import placeholder
    fullchain, key = placeholder(authority, place / "placeholder", NAME)
    bundle = place / "copies" / "site.pem"
    bundle.parent.mkdir()
    bundle.write_bytes(fullchain.read_bytes() + key.read_bytes())
    haproxy = make_haproxy(bundle)
    before = served(haproxy.port, NAME).serial_number
    acmed.configure({NAME: {"copy": f"haproxy:{bundle}", "hook": haproxy.reload_command(), "verify": f"127.0.0.1:{haproxy.port}"}}).start()
    status = acmed.deployed(NAME, seconds=90)
    assert status["deploy"]["served_at"] > 0
    assert acmed.leaf(NAME).serial_number != before
    wait_served(haproxy.port, NAME, acmed.leaf(NAME))
    acmed.renew(NAME)
    acmed.deployed(NAME, 2, 90)
    wait_served(haproxy.port, NAME, acmed.leaf(NAME))


def test_one_slow_hook_holds_up_nobody(acmed, script, out):
    slow = script("slow", f"while [ ! -e {out}/go ]; do sleep 0.1; done\n")
    acmed.configure({"slow.example.com": {"hook": slow}, NAME: {"hook": "/bin/true"}}).start()
    acmed.deployed(NAME)
    acmed.state_is("slow.example.com", "deploying")
    assert acmed.ctl("status").code == 0
    (out / "go").touch()
    acmed.deployed("slow.example.com")


def test_a_copy_changed_by_somebody_is_put_right_at_start(acmed, place):
    target = place / "copies"
    target.mkdir()
    acmed.configure({NAME: {"copy": f"fullchain:{target}/chain.pem"}}).start()
    acmed.deployed(NAME)
    acmed.stop()
    (target / "chain.pem").write_text("garbage")
    acmed.start()
    wait_for(lambda: (target / "chain.pem").read_bytes() == acmed.live(NAME, "fullchain.pem").read_bytes(), "the copy")
