# SPDX-License-Identifier: MIT
"""An ACME client of a page that shares nothing with acmed: what a person does to an account behind its back."""

import base64
import http.client
import json
import ssl

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from .message import path_of


def pack(data):
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Client:
    """account: the directory with acmed's key (ECDSA P-256) for the CA, which has to know the account."""

    def __init__(self, ca, account, key="key.pem"):
        self.ca = ca
        self.key = serialization.load_pem_private_key((account / key).read_bytes(), None)
        self.directory = json.loads(self.request("GET", ca.path)[2])
        _, headers, _ = self.post(self.directory["newAccount"], {"onlyReturnExisting": True}, with_key=True)
        self.url = headers["Location"]

    def request(self, method, path, body=None):
        c = http.client.HTTPSConnection("127.0.0.1", self.ca.port, context=ssl.create_default_context(cafile=str(self.ca.ca_file)), timeout=20)
        try:
            c.request(method, path, body, {"Content-Type": "application/jose+json", "User-Agent": "acmed-tests"})
            r = c.getresponse()
            return r.status, dict(r.getheaders()), r.read()
        finally:
            c.close()

    def jwk(self):
        n = self.key.public_key().public_numbers()
        return {"crv": "P-256", "kty": "EC", "x": pack(n.x.to_bytes(32, "big")), "y": pack(n.y.to_bytes(32, "big"))}

    def post(self, url, payload, with_key=False):
        """Again while the CA refuses the nonce, as Pebble does now and then."""
        while True:
            nonce = self.request("HEAD", path_of(self.directory["newNonce"]))[1]["Replay-Nonce"]
            protected = pack({"alg": "ES256", "nonce": nonce, "url": url, **({"jwk": self.jwk()} if with_key else {"kid": self.url})})
            r, s = decode_dss_signature(self.key.sign(f"{protected}.{pack(payload)}".encode(), ec.ECDSA(hashes.SHA256())))
            signature = pack(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
            reply = self.request("POST", path_of(url), json.dumps({"protected": protected, "payload": pack(payload), "signature": signature}))
            if b"badNonce" not in reply[2]:
                assert reply[0] < 300, reply
                return reply

    def contact(self):
        return json.loads(self.post(self.url, b"")[2]).get("contact")

    def deactivate(self):
        self.post(self.url, {"status": "deactivated"})
