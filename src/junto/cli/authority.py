"""A small certificate authority: for programs of one owner that are to trust one another and nobody else.

It is two files: ``ca.pem``, which everybody gets, and ``ca.key``, which nobody does. It needs the extra
``certs``.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["Issued", "create_authority", "issue"]

_HOST = re.compile(
    r"(?=.{1,253}\Z)(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9])?)*", re.I
)


@dataclass(frozen=True, slots=True)
class Issued:
    """Three files, as ``tls=`` of a container takes them; of an authority, the first two are one."""

    cafile: Path
    certfile: Path
    keyfile: Path


def create_authority(folder: Path, *, name: str = "junto", days: int = 3650, replace: bool = False) -> Issued:
    """Make an authority in *folder*, which is made too if it is not there.

    Args:
        folder: Where its files are to be.
        name: What it is called in its certificates.
        days: For how long it is valid.
        replace: Whether to make another in place of one that is there, whose certificates mean nothing then.

    Raises:
        FileExistsError: There is one.
        OSError: The files cannot be written.
    """
    files = Issued(folder / "ca.pem", folder / "ca.pem", folder / "ca.key")
    _check_free(files, replace=replace)
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _named(name)
    public = key.public_key()
    certificate = (
        _builder(subject, subject, public, days)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(files, certificate, key)
    return files


def issue(
    folder: Path,
    name: str,
    hosts: Iterable[str] = (),
    *,
    days: int = 365,
    replace: bool = False,
) -> Issued:
    """Make a key and a certificate of the authority in *folder*, for both ends of connections.

    Args:
        folder: Where the authority's files are, and where the new ones are to be.
        name: What they are called, and who it is that they are for.
        hosts: The names and numbers by which others connect to it; none is for *name*, if that is a host's,
            and this machine's own: ``localhost``, ``127.0.0.1``, ``::1``.
        days: For how long it is valid.
        replace: Whether to replace files that are there.

    Raises:
        ValueError: *name* or one of *hosts* cannot be one, or there is no authority in these files.
        FileExistsError: There are such files.
        FileNotFoundError: There is no authority.
        OSError: The files cannot be written.
    """
    if not name or name != os.path.basename(name) or name in (".", "..", "ca"):
        raise ValueError(f"{name!r} cannot be the name of files")
    files = Issued(folder / "ca.pem", folder / f"{name}.pem", folder / f"{name}.key")
    _check_free(files, replace=replace)
    authority, signer = _authority(files.cafile, folder / "ca.key")
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key()
    certificate = (
        _builder(_named(name), authority.subject, public, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(
            # Containers are both.
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
            critical=False,
        )
        .add_extension(x509.SubjectAlternativeName(_hosts(name, list(hosts))), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .sign(signer, hashes.SHA256())
    )
    _write(files, certificate, key)
    return files


def _authority(cafile: Path, keyfile: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    try:
        certificate = x509.load_pem_x509_certificate(cafile.read_bytes())
    except ValueError as error:
        raise ValueError(f"there is no certificate in {cafile}") from error
    try:
        key = serialization.load_pem_private_key(keyfile.read_bytes(), None)
    except (TypeError, ValueError) as error:  # the former for one with a passphrase
        raise ValueError(
            f"there is no key in {keyfile}, or one that cannot be read without a passphrase"
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise ValueError(f"the key in {keyfile} is not that of {cafile}")
    return certificate, key


def _check_free(files: Issued, *, replace: bool) -> None:
    for file in (files.certfile, files.keyfile):
        if file.exists() and not replace:
            raise FileExistsError(f"{file} is there already")


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))  # clocks differ a little
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _hosts(name: str, hosts: list[str]) -> list[x509.GeneralName]:
    if not hosts:
        hosts = [*([name] if _HOST.fullmatch(name) else []), "localhost", "127.0.0.1", "::1"]
    return [_host(host) for host in dict.fromkeys(hosts)]


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        pass
    if not _HOST.fullmatch(host):
        raise ValueError(f"{host!r} is neither a host's name nor its number")
    return x509.DNSName(host)


def _write(files: Issued, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # Beside its place first, so that there is never a key that others may read, nor half a file.
    new = files.keyfile.with_name(f"{files.keyfile.name}.new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(secret)
    new.replace(files.keyfile)
    files.certfile.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
