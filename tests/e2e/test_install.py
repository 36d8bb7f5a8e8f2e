# SPDX-License-Identifier: MIT
"""cmake --install into DESTDIR: everything in its place, nothing of the build tree, and what is there runs."""

import fcntl
import gzip
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess

import pytest

from harness.daemon import BUILD, Acmed
from harness.process import run
from harness.wait import PATIENCE

SOURCE = pathlib.Path(__file__).parents[2]
CACHE = (BUILD / "CMakeCache.txt").read_text()

FILES = """
/etc/acmed/acmed.conf
/usr/bin/acmectl
/usr/lib/systemd/system/acmed.service
/usr/lib/systemd/system/acmed.socket
/usr/lib/sysusers.d/acmed.conf
/usr/lib/tmpfiles.d/acmed.conf
/usr/libexec/acmed/acme.sh-dnsapi
/usr/libexec/acmed/acmed-engine
/usr/libexec/acmed/acmed-keeper
/usr/sbin/acmed
/usr/share/bash-completion/completions/acmectl
/usr/share/doc/acmed/CHANGELOG.md
/usr/share/doc/acmed/LICENSE
/usr/share/doc/acmed/README.md
/usr/share/doc/acmed/acmed.conf
/usr/share/doc/acmed/examples/dns-account.conf
/usr/share/doc/acmed/examples/dns-acme.sh.conf
/usr/share/doc/acmed/examples/dns-hook.conf
/usr/share/doc/acmed/examples/dns-persist.conf
/usr/share/doc/acmed/examples/dns-rfc2136.conf
/usr/share/doc/acmed/examples/private-ca.conf
/usr/share/doc/acmed/examples/rehearsed.conf
/usr/share/doc/acmed/examples/several-cas.conf
/usr/share/doc/acmed/examples/several-keys.conf
/usr/share/doc/acmed/examples/short-lived.conf
/usr/share/doc/acmed/examples/tls-alpn.conf
/usr/share/doc/acmed/examples/webroot.conf
/usr/share/doc/acmed/snippets/apache-tls.conf
/usr/share/doc/acmed/snippets/apache.conf
/usr/share/doc/acmed/snippets/nginx-alpn.conf
/usr/share/doc/acmed/snippets/haproxy-alpn.cfg
/usr/share/doc/acmed/snippets/haproxy-stateless.cfg
/usr/share/doc/acmed/snippets/haproxy-tls.cfg
/usr/share/doc/acmed/snippets/haproxy.cfg
/usr/share/doc/acmed/snippets/nginx-stateless.conf
/usr/share/doc/acmed/snippets/nginx-tls.conf
/usr/share/doc/acmed/snippets/nginx.conf
/usr/share/fish/vendor_completions.d/acmectl.fish
/usr/share/man/man1/acmectl.1
/usr/share/man/man5/acmed.conf.5
/usr/share/man/man8/acmed.8
/usr/share/zsh/site-functions/_acmectl
""".split()


def install(destination, prefix="/usr"):
    """The build directory takes notes of it: one at a time."""
    with open(BUILD / ".install.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = run(["cmake", "--install", BUILD, "--prefix", prefix], env={**os.environ, "DESTDIR": str(destination)})
    assert done.returncode == 0, done.stderr
    return destination


def files_below(top):
    return sorted("/" + str(p.relative_to(top)) for p in top.rglob("*") if not p.is_dir())


@pytest.fixture
def tree(place):
    return install(place / "tree")


def test_everything_is_in_its_place(tree):
    assert files_below(tree) == sorted(FILES)
    assert (tree / "etc/acmed/conf.d").is_dir()
    for f in FILES:
        mode = (tree / f[1:]).stat().st_mode & 0o777
        assert mode == (0o755 if "bin/" in f or "libexec/" in f else 0o644), f


def test_nothing_refers_to_the_build_tree(tree, place):
    for f in FILES:
        path = tree / f[1:]
        data = path.read_bytes()
        if data[:4] == b"\x7fELF":
            assert not re.search(r"RPATH|RUNPATH", run(["readelf", "-d", path]).stdout), f
            if "ACMED_SANITIZE:STRING=address" in CACHE:
                continue  # a sanitizer's reports name the sources
            bare = place / "bare"
            subprocess.run(["objcopy", "--strip-debug", path, bare], check=True)
            data = bare.read_bytes()
        assert str(SOURCE).encode() not in data, f"{f} names {SOURCE}"
        assert b"@" not in data or not re.search(rb"@(sbindir|bindir)@", data), f


@pytest.mark.parametrize("prefix", ["/usr", "/usr/local", "/opt/acmed"])
def test_the_unit_names_what_was_installed(prefix, place):
    tree = install(place / "tree", prefix)
    unit = (tree / prefix[1:] / "lib/systemd/system/acmed.service").read_text()
    programs = re.findall(r"^Exec\w+=(\S+)", unit, re.M)
    assert programs == [f"{prefix}/sbin/acmed", f"{prefix}/bin/acmectl"]
    for p in programs:
        assert os.access(tree / p[1:], os.X_OK), p
    assert (tree / "etc/acmed/acmed.conf").exists()


def test_the_administrators_configuration_stays(tree):
    conf = tree / "etc/acmed/acmed.conf"
    conf.write_text("# mine\n")
    shutil.rmtree(tree / "etc/acmed/conf.d")
    install(tree)
    assert conf.read_text() == "# mine\n"
    assert not (tree / "etc/acmed/conf.d").exists()


def test_what_is_installed_runs(tree, place, pebble, http_port, ending):
    """acmed finds its helpers beside itself, wherever that is, and the example is a good configuration."""
    for d in [tree, *(p for p in tree.rglob("*") if p.is_dir())]:
        d.chmod(0o755)
    directory = place / "acmed"
    directory.mkdir()
    acmed = Acmed(tree / "usr", directory, pebble, http_port=http_port)
    ending(acmed.end)
    done = run([tree / "usr/sbin/acmed", "-t", "-c", tree / "etc/acmed/acmed.conf"], cwd="/")
    assert done.returncode == 0, done
    acmed.configure({"www.example.com": {}}).start()
    acmed.issued("www.example.com")
    assert set(acmed.children()) == {"acmed-keeper", "acmed-engine"}
    for pid in acmed.children().values():
        assert os.readlink(f"/proc/{pid}/exe").startswith(str(tree / "usr/libexec/acmed/"))


def test_completions_are_what_acmectl_prints(tree):
    for shell, f in {"bash": "bash-completion/completions/acmectl", "zsh": "zsh/site-functions/_acmectl",
                     "fish": "fish/vendor_completions.d/acmectl.fish"}.items():
        assert (tree / "usr/share" / f).read_text() == run([tree / "usr/bin/acmectl", "completion", shell]).stdout


def test_bash_completes_names_of_certificates(acmed, tree):
    acmed.configure({"one.example.com": {}, "two.example.com": {}}).start()
    script = f"""
        PATH={tree}/usr/bin:$PATH
        source {tree}/usr/share/bash-completion/completions/acmectl
        COMP_WORDS=(acmectl --socket {acmed.socket} "$@"); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _acmectl; echo "${{COMPREPLY[*]}}" """
    for words, offered in {("show", "o"): "one.example.com", ("renew", ""): "now one.example.com two.example.com",
                           ("sta",): "status", ("status", "--w"): "--watch", ("show", "one.example.com", ""): ""}.items():
        assert run(["bash", "-c", script, "bash", *words]).stdout.strip() == offered


def test_fish_completes_names_of_certificates(acmed, tree):
    if not shutil.which("fish"):
        pytest.skip("fish is not installed; tests/setup packages installs it")
    acmed.configure({"one.example.com": {}, "two.example.com": {}}).start()
    script = f"set PATH {tree}/usr/bin $PATH; source {tree}/usr/share/fish/vendor_completions.d/acmectl.fish; complete -C "
    offered = run(["fish", "-c", script + f"'acmectl --socket {acmed.socket} show '"]).stdout.split()
    assert offered == ["one.example.com", "two.example.com"]


def typed_in_zsh(tree, line):
    """What an interactive zsh makes of the line, whose end is a tabulator: it is printed instead of being run."""
    setup = f"""
        PS1= ; PATH={tree}/usr/bin:$PATH; fpath=({tree}/usr/share/zsh/site-functions $fpath)
        autoload -U compinit; compinit -u -D; setopt no_list_ambiguous
        show-line() {{ print -r -- "<$BUFFER>"; exit }}; zle -N show-line; bindkey '^X' show-line
        print set-up
"""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe("zsh", ["zsh", "-f", "-i"], {**os.environ, "TERM": "dumb", "COLUMNS": "300"})
    said = b""
    try:
        def expect(pattern):
            nonlocal said
            while not (found := re.search(pattern, said)):
                assert select.select([terminal], [], [], 30 * PATIENCE)[0], said
                said += os.read(terminal, 65536)
            said = said[found.end():]
            return found

        os.write(terminal, setup.encode())
        expect(rb"\nset-up\r?\n")
        os.write(terminal, line.encode() + b"\x18")
        return expect(rb"<(acmectl[^<>]*)>")[1].decode()
    finally:
        os.close(terminal)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_zsh_completes_names_of_certificates(acmed, tree):
    if not shutil.which("zsh"):
        pytest.skip("zsh is not installed; tests/setup packages installs it")
    acmed.configure({"one.example.com": {}, "two.example.com": {}}).start()
    before, behind = f"--socket {acmed.socket} show ", f"show --socket {acmed.socket} "
    for words, whole in {before + "o": before + "one.example.com", behind + "t": behind + "two.example.com", "revo": "revoke", behind + "one.example.com --js": behind + "one.example.com --json"}.items():
        assert typed_in_zsh(tree, f"acmectl {words}\t").strip() == f"acmectl {whole}"


def test_man_pages_render(tree, place):
    if not shutil.which("man"):
        pytest.skip("man is not installed")
    for page in (tree / "usr/share/man").rglob("*.[158]"):
        packed = place / f"{page.name}.gz"
        packed.write_bytes(gzip.compress(page.read_bytes()))
        done = run(["man", "--warnings", "-l", packed], env={**os.environ, "MANWIDTH": "100", "LC_ALL": "C.UTF-8"})
        assert done.returncode == 0 and done.stderr == "" and "NAME" in done.stdout, done.stderr
