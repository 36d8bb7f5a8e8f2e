# SPDX-License-Identifier: MIT
"""conf/snippets/*-tls.*: real servers accept them and serve what is in live/. (Those for port 80: test_responder.py.)"""

import os
import re

import pytest

from harness.net import free_port, listens, served
from harness.process import Process, run
from harness.servers import SNIPPETS, Nginx, placeholder, program
from harness.wait import wait_for

NAME = "example.com"
MODULES = "/usr/lib/apache2/modules"


def snippet(place, name, changes):
    """As an administrator adapts it: each of the changes must have something to change."""
    text = (SNIPPETS / name).read_text()
    for old, new in changes.items():
        assert old in text, f"{name} has no {old}"
        text = text.replace(old, str(new))
    path = place / name
    path.write_text(text)
    return path


def nginx(place, port, live):
    tls = snippet(place, "nginx-tls.conf", live)
    temp = "".join(f"{k}_temp_path {place}/tmp; " for k in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (place / "nginx.conf").write_text(f"""
daemon off; worker_processes 1; pid {place}/nginx.pid; error_log {place}/nginx.log; events {{ worker_connections 64; }}
http {{ access_log off; {temp} server {{ listen 127.0.0.1:{port} ssl; server_name {NAME}; include {tls}; }} }}
""")
    argv = [program("nginx"), "-e", place / "early.log", "-p", place, "-c", place / "nginx.conf"]
    return argv, [*argv, "-t"]


def nginx_alpn(place, port, behind, https):
    stream = snippet(place, "nginx-alpn.conf", {"listen 443;": f"listen 127.0.0.1:{port};", "        listen [::]:443;\n": "", "127.0.0.1:8403": f"127.0.0.1:{behind}",
                                                "127.0.0.1:8443": f"127.0.0.1:{https}"})
    (place / "nginx.conf").write_text(f"""
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off; worker_processes 1; pid {place}/nginx.pid; error_log {place}/nginx.log; events {{ worker_connections 64; }}
include {stream};
""")
    return [program("nginx"), "-e", place / "early.log", "-p", place, "-c", place / "nginx.conf"]


def haproxy_alpn(place, port, behind, https):
    cfg = snippet(place, "haproxy-alpn.cfg", {":443": f"127.0.0.1:{port}", "127.0.0.1:8403": f"127.0.0.1:{behind}", "127.0.0.1:8443": f"127.0.0.1:{https}"})
    return [program("haproxy"), "-f", cfg, "-db"]


def apache(place, port, live):
    tls = snippet(place, "apache-tls.conf", live)
    user = "User daemon\nGroup daemon\n" if os.geteuid() == 0 else ""
    modules = "".join(f"LoadModule {m}_module {MODULES}/mod_{m}.so\n" for m in ("mpm_event", "authz_core", "socache_shmcb", "ssl"))
    (place / "apache.conf").write_text(f"""{modules}{user}
ServerRoot {place}
ServerName localhost
PidFile {place}/apache.pid
DefaultRuntimeDir {place}
Mutex file:{place} default
ErrorLog {place}/apache-error.log
Listen 127.0.0.1:{port}
<VirtualHost 127.0.0.1:{port}>
    ServerName {NAME}
    Include {tls}
</VirtualHost>
""")
    argv = [program("apache2"), "-f", place / "apache.conf"]
    return [*argv, "-DFOREGROUND"], [*argv, "-t"]


def haproxy(place, port, live):
    tls = snippet(place, "haproxy-tls.cfg", {":443": f"127.0.0.1:{port}", **live})
    (place / "haproxy.cfg").write_text("defaults\n    timeout client 10s\n")
    argv = [program("haproxy"), "-f", place / "haproxy.cfg", "-f", tls]
    return [*argv, "-db"], [*argv, "-c"]


@pytest.mark.parametrize("server", [nginx, apache, haproxy])
def test_a_web_server_serves_live(server, acmed, place, ending):
    acmed.configure({NAME: {}}).start()
    leaf = acmed.issued(NAME)
    directory, port = place / "server", free_port()
    directory.mkdir()
    argv, check = server(directory, port, {"/var/lib/acmed/live/example.com": acmed.live(NAME)})
    checked = run(check)
    assert checked.returncode == 0, checked
    ending(Process(argv, directory / "server.log").stop)
    wait_for(lambda: listens(port), server.__name__)
    assert served(port, NAME).serial_number == leaf.serial_number


def nginx_stateless(place, port, thumbprint):
    inner = snippet(place, "nginx-stateless.conf", {"THUMBPRINT": thumbprint})
    temp = "".join(f"{k}_temp_path {place}/tmp; " for k in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (place / "nginx.conf").write_text(f"""
daemon off; worker_processes 1; pid {place}/nginx.pid; error_log {place}/nginx.log; events {{ worker_connections 64; }}
http {{ access_log off; {temp} server {{ listen 127.0.0.1:{port}; include {inner}; location / {{ return 404; }} }} }}
""")
    return [program("nginx"), "-e", place / "early.log", "-p", place, "-c", place / "nginx.conf"]


def haproxy_stateless(place, port, thumbprint):
    inner = snippet(place, "haproxy-stateless.cfg", {"THUMBPRINT": thumbprint, "bind :80": f"bind 127.0.0.1:{port}"})
    (place / "haproxy.cfg").write_text("defaults\n    timeout client 10s\n    timeout connect 10s\n    timeout server 10s\n")
    return [program("haproxy"), "-f", place / "haproxy.cfg", "-f", inner, "-db"]


@pytest.mark.parametrize("server", [nginx_stateless, haproxy_stateless])
def test_a_web_server_answers_challenges_by_itself(server, acmed, pebble, place, ending, http_port):
    """From the thumbprint alone: acmed listens nowhere, and does not insist on it."""
    acmed.configure({NAME: {}}, http_listen="off").start()
    said = acmed.ctl("thumbprint")
    assert said.code == 0 and re.fullmatch(r"[-_A-Za-z0-9]{43}\n", said.out), said
    acmed.failed(NAME)  # nobody answers yet; what is asked for below is an order of its own
    directory = place / "server"
    directory.mkdir()
    ending(Process(server(directory, http_port, said.out.strip()), directory / "server.log").stop)
    wait_for(lambda: listens(http_port), server.__name__)
    acmed.renew(NAME)
    assert acmed.generation(NAME) >= 1
    for path in ("x/y", "", "x%2fy", "../x"):
        url = f"http://127.0.0.1:{http_port}/.well-known/acme-challenge/{path}"
        assert said.out.strip() not in run(["curl", "-s", "--path-as-is", url]).stdout


@pytest.mark.parametrize("server", [nginx_alpn, haproxy_alpn])
def test_a_web_server_hands_challenges_on(server, make_acmed, make_pebble, authority, place, ending):
    """What asks by acme-tls/1 goes to acmed, all else to the https server behind."""
    port, behind, directory = free_port(), free_port(), place / "server"
    directory.mkdir()
    placeholder(authority, place / "placeholder", NAME)
    web = Nginx(place / "web", place / "placeholder/fullchain.pem", place / "placeholder/privkey.pem", NAME)
    ending(web.stop)
    ending(Process(server(directory, port, behind, web.port), directory / "server.log").stop)
    wait_for(lambda: listens(port), server.__name__)
    acmed = make_acmed(make_pebble(tlsPort=port))
    acmed.configure({NAME: {"challenge": "tls-alpn-01"}}, http_listen="off", tls_alpn_listen=f"127.0.0.1:{behind}").start()
    leaf = acmed.issued(NAME)
    assert served(port, NAME).serial_number != leaf.serial_number
