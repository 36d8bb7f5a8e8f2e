#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Makes the keys and certificates in crypto/ beside this script: run once, the result is committed.

They come from another implementation (python3-cryptography) than the one under test. No key here protects
anything, and no test depends on today's date: leaves are valid from 2026-01-01 to 2026-04-01. With an argument only
that part is made anew, for the keys that are there: identifiers.
"""
import base64
import datetime
import hashlib
import ipaddress
import json
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

OUT = pathlib.Path(__file__).parent / "crypto"
CA_FROM, CA_TO = datetime.datetime(2020, 1, 1), datetime.datetime(2040, 1, 1)
LEAF_FROM, LEAF_TO = datetime.datetime(2026, 1, 1), datetime.datetime(2026, 4, 1)
SERIAL = 0xC0FFEE0123456789ABCDEF  # the first bit is set: DER prepends 00
NAMES = ["www.example.com", "example.com", "*.api.example.com"]

# RFC 7517 appendix A.2: the private half of the key in RFC 7638 section 3.1.
RFC_N = (
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknj"
    "hMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQ"
    "vRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzK"
    "nqDKgw"
)
RFC_P = (
    "83i-7IvMGXoMXCskv73TKr8637FiO7Z27zv8oj6pbWUQyLPQBQxtPVnwD20R-60eTDmD2ujnMt5PoqMrm8RfmNhVWDtjjMmCMjOpSXicFHj7XOuV"
    "IYQyqVWlWEh6dN36GVZYk93N8Bc9vY41xy8B9RzzOGVQzXvNEvn7O0nVbfs"
)

PKCS8 = serialization.PrivateFormat.PKCS8
TRADITIONAL = serialization.PrivateFormat.TraditionalOpenSSL
PLAIN = serialization.NoEncryption()


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(text):
    return int.from_bytes(base64.urlsafe_b64decode(text + "=="), "big")


def rfc_key():
    n, p, e = number(RFC_N), number(RFC_P), 65537
    q = n // p
    assert p * q == n
    d = pow(e, -1, (p - 1) * (q - 1))
    return rsa.RSAPrivateNumbers(
        p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), rsa.RSAPublicNumbers(e, n)
    ).private_key()


def key_pem(key, form=PKCS8, encryption=PLAIN):
    return key.private_bytes(serialization.Encoding.PEM, form, encryption)


def thumbprint(key):
    pub = key.public_key().public_numbers()
    if isinstance(key, rsa.RSAPrivateKey):
        size = (key.key_size + 7) // 8
        jwk = {"e": b64(pub.e.to_bytes(3, "big")), "kty": "RSA", "n": b64(pub.n.to_bytes(size, "big"))}
    else:
        size = key.key_size // 8
        jwk = {"crv": f"P-{key.key_size}", "kty": "EC", "x": b64(pub.x.to_bytes(size, "big")), "y": b64(pub.y.to_bytes(size, "big"))}
    return b64(hashlib.sha256(json.dumps(jwk, separators=(",", ":"), sort_keys=True).encode()).digest())


def dn(cn=None, org=None):
    parts = [(NameOID.ORGANIZATION_NAME, org), (NameOID.COMMON_NAME, cn)]
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts if value])


def general_name(s):
    if isinstance(s, str):
        return x509.RFC822Name(s) if "@" in s else x509.DNSName(s)
    return x509.IPAddress(s)


def cert(subject, key, issuer, issuer_key, *, ca=None, sans=(), usage=None, start=CA_FROM, end=CA_TO, md=None, serial=SERIAL, aki=None):
    b = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    b = b.serial_number(serial).not_valid_before(start).not_valid_after(end)
    if ca is not None:
        b = b.add_extension(x509.BasicConstraints(ca, None), critical=True)
        sign = usage if usage is not None else ca
        b = b.add_extension(x509.KeyUsage(True, False, False, False, False, sign, sign, False, False), critical=True)
    if sans:
        general = [general_name(s) for s in sans]
        b = b.add_extension(x509.SubjectAlternativeName(general), critical=not subject.rdns)
    if aki:
        b = b.add_extension(aki, critical=False)
    return b.sign(issuer_key, md or hashes.SHA256())


def pem(*certs):
    return b"".join(c.public_bytes(serialization.Encoding.PEM) for c in certs)


def save(name, data):
    (OUT / name).write_bytes(data if isinstance(data, bytes) else data.encode())


def make_keys():
    p256, p384 = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP384R1())
    rsa2048 = rsa.generate_private_key(65537, 2048)
    keys = {"p256": p256, "p384": p384, "rsa2048": rsa2048, "rsa3072": rsa.generate_private_key(65537, 3072), "rfc7638": rfc_key()}
    for name, key in keys.items():
        save(f"{name}.key", key_pem(key))
        save(f"{name}.thumbprint", thumbprint(key))
    save("p256-sec1.key", key_pem(p256, TRADITIONAL))
    save("rsa2048-pkcs1.key", key_pem(rsa2048, TRADITIONAL))
    save("encrypted.key", key_pem(p256, PKCS8, serialization.BestAvailableEncryption(b"secret")))
    save("p521.key", key_pem(ec.generate_private_key(ec.SECP521R1())))
    save("rsa1024.key", key_pem(rsa.generate_private_key(65537, 1024)))
    save("ed25519.key", key_pem(ed25519.Ed25519PrivateKey.generate()))
    return keys


def make_chains(keys):
    root_key, int_key = ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)
    i2_key, i3_key = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())
    root_dn, int_dn = dn("Test Root X1", "Test"), dn("Test R3", "Test")
    root = cert(root_dn, root_key, root_dn, root_key, ca=True, md=hashes.SHA384())
    inter = cert(int_dn, int_key, root_dn, root_key, ca=True, md=hashes.SHA384())
    leaf_dates = {"start": LEAF_FROM, "end": LEAF_TO}

    def leaf(issuer=int_dn, issuer_key=int_key, key=keys["p256"], sans=NAMES, subject=dn(), **more):
        return cert(subject, key, issuer, issuer_key, ca=False, sans=sans, **{**leaf_dates, **more})

    good = leaf()
    save("leaf.pem", pem(good))
    save("leaf.der", good.public_bytes(serialization.Encoding.DER))
    save("leaf.sha256", good.fingerprint(hashes.SHA256()).hex())
    save("int.pem", pem(inter))
    save("root.pem", pem(root))
    save("leaf-rsa.pem", pem(leaf(root_dn, root_key, keys["rsa2048"], md=hashes.SHA384())))
    save("leaf-upper.pem", pem(leaf(sans=[n.upper() for n in NAMES])))
    save("leaf-ip.pem", pem(leaf(sans=NAMES + [ipaddress.ip_address("192.0.2.1")])))
    save("leaf-cn-only.pem", pem(leaf(sans=(), subject=dn("example.com"))))
    save("leaf-2050.pem", pem(leaf(start=datetime.datetime(1999, 12, 31, 23, 59, 59), end=datetime.datetime(2052, 2, 29, 12, 0, 1))))
    i2 = cert(dn("Second"), i2_key, int_dn, int_key, ca=True)
    i3 = cert(dn("Third"), i3_key, dn("Second"), i2_key, ca=True)
    save("chain5.pem", pem(leaf(dn("Third"), i3_key), i3, i2, inter, root))
    save("wrong-order.pem", pem(leaf(dn("Third"), i3_key), i2, i3, inter, root))
    not_ca = cert(int_dn, int_key, root_dn, root_key, ca=False, md=hashes.SHA384())
    save("not-ca.pem", pem(good, not_ca))
    save("no-constraints.pem", pem(good, cert(int_dn, int_key, root_dn, root_key)))
    save("no-cert-sign.pem", pem(good, cert(int_dn, int_key, root_dn, root_key, ca=True, usage=False)))
    save("other-int-key.pem", pem(good, cert(int_dn, i2_key, root_dn, root_key, ca=True)))
    save("ec-for-rsa.pem", pem(good, cert(int_dn, i3_key, root_dn, root_key, ca=True)))
    save("expired-int.pem", pem(good, cert(int_dn, int_key, root_dn, root_key, ca=True, end=datetime.datetime(2026, 1, 15))))
    save("leaf-sha1.pem", pem(leaf(md=hashes.SHA1()), inter))
    # RFC 9773 section 4.1: its example of a name, by key identifier and serial number.
    aki = x509.AuthorityKeyIdentifier(bytes.fromhex("69885B6B87464041E1B37B847BA0AE2CDE01C8D4"), None, None)
    save("leaf-ari.pem", pem(leaf(serial=0x87654321, aki=aki)))
    save("leaf-aki-name.pem", pem(leaf(aki=x509.AuthorityKeyIdentifier(None, [x509.DirectoryName(root_dn)], SERIAL))))
    save("leaf-org-issuer.pem", pem(leaf(dn(None, "Only Organization"))))
    save("leaf-utf8-issuer.pem", pem(leaf(dn("Žlutý kůň CA"))))


def make_csr(name, key, sans):
    names = x509.SubjectAlternativeName([general_name(n) for n in sans])
    csr = x509.CertificateSigningRequestBuilder().subject_name(dn()).add_extension(names, critical=False).sign(key, hashes.SHA256())
    save(name, b64(csr.public_bytes(serialization.Encoding.DER)))


def make_identifiers(keys):
    """Leaves and a request of all types of identifiers, and of what is none. Their issuer is thrown away."""
    addresses = [ipaddress.ip_address("192.0.2.1"), ipaddress.ip_address("2001:db8::1")]
    idents = ["*.example.com", addresses[1], "xn--bcher-kva.example", addresses[0]]
    issuer = ec.generate_private_key(ec.SECP256R1())

    def leaf(sans):
        return cert(dn(), keys["p256"], dn("Test E7"), issuer, ca=False, sans=sans, start=LEAF_FROM, end=LEAF_TO)

    save("leaf-identifiers.pem", pem(leaf(idents)))
    save("leaf-only-address.pem", pem(leaf(addresses[:1])))
    save("leaf-address-as-name.pem", pem(leaf(["192.0.2.1"])))
    save("leaf-mail.pem", pem(leaf(NAMES + ["me@example.com"])))
    # An iPAddress of five bytes, which the library does not write: the SEQUENCE's four become five.
    odd = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), bytes.fromhex("3007" "8705" "c000020101"))
    builder = x509.CertificateBuilder().subject_name(dn()).issuer_name(dn("Test E7")).public_key(keys["p256"].public_key())
    builder = builder.serial_number(SERIAL).not_valid_before(LEAF_FROM).not_valid_after(LEAF_TO)
    save("leaf-odd-address.pem", pem(builder.add_extension(odd, critical=True).sign(issuer, hashes.SHA256())))
    make_csr("rsa2048-identifiers.csr.b64url", keys["rsa2048"], idents)


def stored_keys():
    return {n: serialization.load_pem_private_key((OUT / f"{n}.key").read_bytes(), None) for n in ("p256", "rsa2048")}


def main():
    if sys.argv[1:] == ["identifiers"]:
        make_identifiers(stored_keys())
        return
    OUT.mkdir(exist_ok=True)
    keys = make_keys()
    make_chains(keys)
    make_csr("rsa2048.csr.b64url", keys["rsa2048"], NAMES)
    make_identifiers(keys)


main()
