# SPDX-License-Identifier: MIT
"""Real web servers, each in a directory of its own, unprivileged ports, ended by pid."""

import os
import pathlib
import shutil

from .net import free_port, listens
from .pki import pem, pem_key
from .process import Process
from .wait import wait_for


def program(name):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    assert path, f"{name} is not installed; tests/setup packages installs it"
    return path


class Nginx:
    """Serves `fullchain` and `key` on .port (TLS), where `tls` is put in besides; `extra` is put into a plain server on http_port where that is given."""

    def __init__(self, directory, fullchain, key, name="localhost", http_port=None, extra="", tls=""):
        self.directory = directory
        for d in ("", "tmp", "logs"):
            (directory / d).mkdir(exist_ok=True)
        self.port = free_port()
        self.conf = directory / "nginx.conf"
        user = "user root;" if os.geteuid() == 0 else ""
        plain = f"server {{ listen 127.0.0.1:{http_port}; server_name _; {extra} location / {{ return 404; }} }}" if http_port else ""
        temp = "".join(f"{k}_temp_path {directory}/tmp; " for k in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        self.conf.write_text(f"""
{user} daemon off; master_process on; worker_processes 1; pid {directory}/nginx.pid; error_log {directory}/logs/error.log notice;
events {{ worker_connections 64; }}
http {{
    access_log off; {temp}
    server {{ listen 127.0.0.1:{self.port} ssl; server_name {name}; ssl_certificate {fullchain}; ssl_certificate_key {key}; {tls}
        location / {{ return 200 "served\\n"; }} }}
    {plain}
}}
""")
        self.process = Process(self.command(), directory / "nginx.log")
        wait_for(lambda: (directory / "nginx.pid").exists() and listens(self.port), "nginx")

    def command(self, *more):
        # -e: before the configuration is read, messages would go to a place that only root may write.
        return [program("nginx"), "-e", self.directory / "logs/early.log", "-p", self.directory, "-c", self.conf, *more]

    def reload_command(self):
        return " ".join(str(a) for a in self.command("-s", "reload"))

    def stop(self):
        self.process.stop()


class Haproxy:
    """Serves a file of chain and key. A reload is a new process that takes over (-sf); reload_script is a program that does it."""

    def __init__(self, directory, bundle):
        self.directory = directory
        directory.mkdir(exist_ok=True)
        self.port = free_port()
        self.conf = directory / "haproxy.cfg"
        self.conf.write_text(f"""
global
    master-worker
    pidfile {directory}/haproxy.pid
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend tls
    bind 127.0.0.1:{self.port} ssl crt {bundle}
    http-request return status 200
""")
        self.process = Process([program("haproxy"), "-W", "-f", self.conf], directory / "haproxy.log")
        wait_for(lambda: listens(self.port), "haproxy")

    def reload_command(self):
        # The master process reads its configuration and certificates again on SIGUSR2.
        return f"/bin/kill -USR2 {self.process.pid}"

    def stop(self):
        self.process.stop()


def placeholder(authority, directory, name):
    """A certificate to start a web server with, before there is a real one: (fullchain, key)."""
    directory.mkdir(exist_ok=True)
    certificate, key = authority.issue([name])
    (directory / "fullchain.pem").write_bytes(pem(certificate))
    (directory / "privkey.pem").write_bytes(pem_key(key))
    return directory / "fullchain.pem", directory / "privkey.pem"


SNIPPETS = pathlib.Path(__file__).parents[3] / "conf/snippets"


def snippet(file, port):
    """What conf/snippets shows, with the port of this test."""
    text = (SNIPPETS / file).read_text()
    assert "127.0.0.1:8402" in text
    return text.replace("127.0.0.1:8402", f"127.0.0.1:{port}")


class Front:
    """A web server that has port 80 and hands challenges on to acmed at `inner`, as its snippet says."""

    def __init__(self, kind, directory, port, inner):
        directory.mkdir()
        (directory / "tmp").mkdir()
        self.directory, self.port = directory, port
        argv = getattr(self, f"_{kind}")(inner)
        self.process = Process(argv, directory / f"{kind}.log")
        wait_for(lambda: listens(port), kind)

    def _nginx(self, inner):
        d = self.directory
        (d / "snippet.conf").write_text(snippet("nginx.conf", inner))
        user = "user root;" if os.geteuid() == 0 else ""
        temp = "".join(f"{k}_temp_path {d}/tmp; " for k in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (d / "nginx.conf").write_text(f"""
{user} daemon off; pid {d}/nginx.pid; error_log {d}/error.log; events {{ worker_connections 64; }}
http {{ access_log off; {temp}
    server {{ listen 127.0.0.1:{self.port}; include {d}/snippet.conf; location / {{ return 200 "the site\\n"; }} }} }}
""")
        return [program("nginx"), "-e", d / "early.log", "-p", d, "-c", d / "nginx.conf"]

    def _haproxy(self, inner):
        text = snippet("haproxy.cfg", inner)
        rule = next(line[1:].strip() for line in text.splitlines() if "use_backend acmed" in line)
        (self.directory / "haproxy.cfg").write_text(f"""
defaults
    timeout client 5s
frontend http
    mode http
    bind 127.0.0.1:{self.port}
    {rule}
    default_backend site
backend site
    mode http
    http-request return status 200 content-type text/plain string "the site"
{text}
""")
        return [program("haproxy"), "-db", "-f", self.directory / "haproxy.cfg"]

    def _apache(self, inner):
        d = self.directory
        (d / "snippet.conf").write_text(snippet("apache.conf", inner))
        (d / "index.html").write_text("the site")
        modules = "".join(f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so\n"
                          for m in ("mpm_event", "authz_core", "proxy", "proxy_http", "dir"))
        user = "User daemon\nGroup daemon\n" if os.geteuid() == 0 else ""
        (d / "apache.conf").write_text(f"""{modules}{user}
ServerRoot {d}
ServerName localhost
PidFile {d}/apache.pid
DefaultRuntimeDir {d}
Mutex file:{d}/tmp default
ErrorLog {d}/error.log
Listen 127.0.0.1:{self.port}
DocumentRoot {d}
DirectoryIndex index.html
Include {d}/snippet.conf
""")
        return [program("apache2"), "-D", "FOREGROUND", "-f", d / "apache.conf"]

    def stop(self):
        self.process.stop()
