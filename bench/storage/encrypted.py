"""Servers behind TLS, with an authority of their own that clients are told to trust."""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from autodj.laptop.keys import laptop_keys
from autodj.laptop.ports import LOOPBACK, free_ports
from autodj.laptop.process import running
from autodj.laptop.s3server import S3Server, s3_program

_DAY = timedelta(days=1)
# What Python 3.13 asks of an authority by default (RFC 5280, 4.2.1.3 and 4.2.1.1).
_SIGNS = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)
_by = x509.AuthorityKeyIdentifier.from_issuer_public_key


@dataclass(frozen=True, slots=True)
class Papers:
    """Files in PEM: who is to be trusted, and what a server shows and knows."""

    authority: Path
    certificate: Path
    key: Path


def papers(folder: Path, *names: str) -> Papers:
    """A new authority and a certificate of it for a server that is called by these ``names``
    or addresses, LOOPBACK if none are given; valid for a day.
    """
    called = names or (LOOPBACK,)
    found = Papers(folder / "authority.pem", folder / "certificate.pem", folder / "key.pem")
    ours, servers = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "autodj for a day")])
    authority = (
        _begun(name, name, ours.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_SIGNS, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ours.public_key()), critical=False)
        .sign(ours, hashes.SHA256())
    )
    there = x509.SubjectAlternativeName([_general(each) for each in called])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, called[0])])
    certificate = (
        _begun(subject, name, servers.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_by(ours.public_key()), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(there, critical=False)
        .sign(ours, hashes.SHA256())
    )
    found.authority.write_bytes(authority.public_bytes(Encoding.PEM))
    found.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
    found.key.write_bytes(servers.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return found


def trust(shown: Papers) -> None:
    """For this process and those that it starts: what boto3 and we look at, and what others do."""
    for name in ("AWS_CA_BUNDLE", "SSL_CERT_FILE"):
        os.environ[name] = str(shown.authority)  # noqa: TID251 - not the product


def serving(shown: Papers) -> ssl.SSLContext:
    """For a server that shows these papers."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(shown.certificate, shown.key)
    return context


@asynccontextmanager
async def open_s3_server_over_tls(data_dir: Path, shown: Papers) -> AsyncGenerator[S3Server]:
    """As ``open_s3_server``; it listens without TLS as well, for whoever waits until it answers."""
    program, server = await s3_program(data_dir, laptop_keys(data_dir))
    (port,) = free_ports(1)
    more = (
        f"-s3.cert.file={shown.certificate}",
        f"-s3.key.file={shown.key}",
        f"-s3.port.https={port}",
    )
    async with running(replace(program, command=(*program.command, *more))):
        yield replace(server, endpoint_url=f"https://{LOOPBACK}:{port}")


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    number = x509.random_serial_number()
    return x509.CertificateBuilder(issuer, subject, key, number, now - _DAY, now + _DAY)
