"""Certificates, keys and tokens of one cluster, made once and kept between runs."""

import datetime as dt
import ipaddress
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

VALID = dt.timedelta(days=3650)


@dataclass(frozen=True)
class Leaf:
    common_name: str
    organization: str = ""
    dns: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    server: bool = False


def leaves(addresses: Sequence[str], node_name: str) -> dict[str, Leaf]:
    names = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
    return {
        "apiserver": Leaf("kube-apiserver", "", (*names, "localhost"), tuple(addresses), server=True),
        "kubelet": Leaf(f"system:node:{node_name}", "", (node_name,), tuple(addresses), server=True),
        "apiserver-kubelet-client": Leaf("apiserver-kubelet-client", "system:masters"),
        "front-proxy-client": Leaf("front-proxy-client"),
    }


def ensure(folder: Path, addresses: Sequence[str], node_name: str = "node1") -> None:
    """Make everything anew unless it was made for the same names and is still valid."""
    wanted = {name: repr(leaf) for name, leaf in leaves(addresses, node_name).items()}
    stamp = folder / "made-for.json"
    if stamp.exists():
        made = json.loads(stamp.read_text())
        expires = dt.datetime.fromisoformat(made["expires"])
        if made["leaves"] == wanted and expires > dt.datetime.now(dt.UTC) + dt.timedelta(days=30):
            return
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    expires = _make(folder, leaves(addresses, node_name))
    stamp.write_text(json.dumps({"leaves": wanted, "expires": expires.isoformat()}))


def token(folder: Path) -> str:
    return (folder / "token").read_text()


def _make(folder: Path, wanted: dict[str, Leaf]) -> dt.datetime:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca = _certificate(Leaf("testcluster-ca"), ca_key, issuer=None, issuer_key=ca_key)
    _write(folder, "ca", ca_key, ca)
    for name, leaf in wanted.items():
        key = ec.generate_private_key(ec.SECP256R1())
        _write(folder, name, key, _certificate(leaf, key, issuer=ca, issuer_key=ca_key))
    service_accounts = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    _write(folder, "service-accounts", service_accounts)
    secret = secrets.token_hex(16)
    (folder / "token").write_text(secret)
    (folder / "tokens.csv").write_text(f"{secret},admin,1,system:masters\n")
    return ca.not_valid_after_utc


def _certificate(
    leaf: Leaf,
    key: "ec.EllipticCurvePrivateKey",
    issuer: "x509.Certificate | None",
    issuer_key: "ec.EllipticCurvePrivateKey",
) -> "x509.Certificate":
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    now = dt.datetime.now(dt.UTC)
    subject = _name(leaf)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + VALID)
    )
    for extension, critical in _extensions(leaf, key, issuer_key, is_ca=issuer is None):
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer_key, hashes.SHA256())


def _name(leaf: Leaf) -> "x509.Name":
    from cryptography import x509

    oids = ((x509.NameOID.ORGANIZATION_NAME, leaf.organization), (x509.NameOID.COMMON_NAME, leaf.common_name))
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in oids if value])


def _extensions(
    leaf: Leaf, key: "ec.EllipticCurvePrivateKey", issuer_key: "ec.EllipticCurvePrivateKey", *, is_ca: bool
) -> "list[tuple[x509.ExtensionType, bool]]":
    """Python 3.13 verifies strictly: a CA without key usage, or a leaf without its issuer's key id, is refused."""
    from cryptography import x509

    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    if is_ca:
        return [
            (x509.BasicConstraints(ca=True, path_length=None), True),
            (_usage(is_ca=True), True),
            (identifier, False),
        ]
    purpose = x509.ExtendedKeyUsageOID.SERVER_AUTH if leaf.server else x509.ExtendedKeyUsageOID.CLIENT_AUTH
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(is_ca=False), True),
        (identifier, False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False),
        (x509.ExtendedKeyUsage([purpose]), False),
    ]
    names = [x509.DNSName(name) for name in leaf.dns]
    numbers = [x509.IPAddress(ipaddress.ip_address(address)) for address in leaf.addresses]
    if names or numbers:
        extensions.append((x509.SubjectAlternativeName([*names, *numbers]), False))
    return extensions


def _usage(*, is_ca: bool) -> "x509.KeyUsage":
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not is_ca,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _write(
    folder: Path, name: str, key: "ec.EllipticCurvePrivateKey", certificate: "x509.Certificate | None" = None
) -> None:
    from cryptography.hazmat.primitives import serialization as form

    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    path = folder / f"{name}.key"
    path.touch(mode=0o600)
    path.write_bytes(private)
    if certificate is not None:
        (folder / f"{name}.crt").write_bytes(certificate.public_bytes(form.Encoding.PEM))


def kubeconfig(server: str, ca: Path, secret: str) -> str:
    """JSON, which is YAML, so that nothing has to be imported to write it."""
    import base64

    authority = base64.b64encode(ca.read_bytes()).decode()
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": server, "certificate-authority-data": authority}}],
        "users": [{"name": "admin", "user": {"token": secret}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin", "namespace": "default"}}],
        "current-context": "test",
    }
    return json.dumps(content, indent=1)
