# SPDX-License-Identifier: MIT
"""A second, independent CA: Caddy's acme_server (smallstep's code inside). It validates at ports 80 and 443 of what the system's resolver says, looks
TXT records up there, too, and nothing else can be configured: so it, and the acmed it is to find, live in namespaces of the test's own, with their own
loopback, /etc/hosts and /etc/resolv.conf (the server at 127.0.0.1)."""

import json
import shutil

from .net import free_port
from .pki import Authority, pem, pem_key
from .process import Process, run
from .wait import wait_for

HOLDER = """
mount --bind "$1" /etc/hosts
mount --bind "$2" /etc/resolv.conf
ip link set lo up
echo ready
exec sleep infinity
"""


class Namespace:
    """names: {name: its address in there}. Ended with the process that holds it."""

    def __init__(self, directory, names):
        directory.mkdir(exist_ok=True)
        self.hosts = directory / "hosts"
        self.lead(names)
        resolver = directory / "resolv.conf"
        resolver.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        argv = ["unshare", "-n", "-m", "--propagation", "private", "sh", "-ec", HOLDER, "sh", self.hosts, resolver]
        self.process = Process(argv, directory / "namespace.log")
        wait_for(lambda: "ready" in self.process.text(), "the namespaces")

    def lead(self, names):
        """In place: the mount is of this very file."""
        self.hosts.write_text("".join(f"{address} {name}\n" for name, address in {"localhost": "127.0.0.1", **names}.items()))

    @property
    def enter(self):
        """argv put before a program that runs in there."""
        return ["nsenter", "-t", str(self.process.pid), "-n", "-m"]

    def stop(self):
        self.process.stop()


class Caddy:
    path = "/acme/local/directory"

    def __init__(self, directory, namespace):
        self.directory, self.namespace = directory, namespace
        directory.mkdir(exist_ok=True)
        self.port = free_port()
        authority = Authority("CA of the CA")
        certificate, key = authority.issue(["127.0.0.1"])
        (directory / "https.pem").write_bytes(pem(certificate))
        (directory / "https.key").write_bytes(pem_key(key))
        self.ca_file = authority.write(directory / "ca.pem")
        server = {"listen": [f"127.0.0.1:{self.port}"], "automatic_https": {"disable": True}, "tls_connection_policies": [{}], "logs": {},
                  "routes": [{"handle": [{"handler": "acme_server", "ca": "local"}]}]}
        (directory / "caddy.json").write_text(json.dumps({
            "admin": {"disabled": True}, "storage": {"module": "file_system", "root": str(directory / "storage")},
            "apps": {"pki": {"certificate_authorities": {"local": {"install_trust": False}}}, "http": {"servers": {"acme": server}},
                     "tls": {"certificates": {"load_files": [{"certificate": str(directory / "https.pem"), "key": str(directory / "https.key")}]}}}}))
        self.process = None
        self.start()

    def start(self):
        argv = [*self.namespace.enter, "caddy", "run", "--config", self.directory / "caddy.json"]
        home = {"HOME": str(self.directory), "XDG_CONFIG_HOME": str(self.directory), "XDG_DATA_HOME": str(self.directory)}
        self.process = Process(argv, self.directory / "caddy.log", env=home)
        wait_for(self.answers, "Caddy")

    def answers(self):
        if not self.process.running():
            raise RuntimeError(self.process.text()[-2000:])
        done = run([*self.namespace.enter, "curl", "-sf", "--cacert", self.ca_file, self.directory_url])
        return "newOrder" in done.stdout

    def stop(self):
        if self.process:
            self.process.stop()
            self.process = None

    def forget(self):
        """Loses all accounts and orders; the keys of the CA stay."""
        self.stop()
        shutil.rmtree(self.directory / "caddy/acme_server")
        self.start()

    def count(self, path, status):
        """Requests whose path begins so, from its access log."""
        whole = self.process.text().rpartition("\n")[0]
        lines = (json.loads(line) for line in whole.splitlines() if '"http.log.access' in line)
        return sum(e["request"]["uri"].startswith(f"/acme/local/{path}") and e["status"] == status for e in lines)

    def orders(self):
        return self.count("new-order", 201)

    @property
    def directory_url(self):
        return f"https://127.0.0.1:{self.port}{self.path}"
