"""A real Trino behind TLS that wants a JSON Web Token."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from otel_analytics.config import Trino
from otel_analytics.errors import QueryFailed
from otel_analytics.local.jobs import Job
from otel_analytics.trino.client import TOKEN_VARIABLE, TrinoClient
from scripts import trino as script
from tests.trino.certificates import new_authority

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.trino.homes import Cluster


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def secured(
    cluster: Cluster, key: rsa.RSAPrivateKey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Trino]:
    """Settings of a server beside that of the session."""
    folder: Path = tmp_path_factory.mktemp("secured")
    authority = new_authority(folder / "authority")
    public = folder / "public.pem"
    public.write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    port = free_port()
    # https://trino.io/docs/476/security/jwt.html
    properties = {
        "http-server.https.enabled": "true",
        "http-server.https.port": port,
        "http-server.https.keystore.path": authority.server_file,
        "http-server.authentication.type": "JWT",
        "http-server.authentication.jwt.key-file": public,
        "internal-communication.shared-secret": "of one test",
        # for the script, which asks whether the server is there
        "http-server.authentication.allow-insecure-over-http": "true",
    }
    options = [text for name, value in properties.items() for text in ("-p", f"{name}={value}")]
    command = [sys.executable, script.__file__]
    where = ["--folder", str(folder / "trino")]
    start = [*command, "start", "--memory", "1g", *where, *options]
    subprocess.run(start, check=True, timeout=200)
    yield Trino(
        host="localhost", port=port, scheme="https", user="ann", ca_file=str(authority.ca_file)
    )
    subprocess.run([*command, "stop", *where], check=True, timeout=60)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def token(key: rsa.RSAPrivateKey, *, of: str) -> str:
    """Return a token that says who someone is, good for an hour."""
    claims = {"sub": of, "exp": int(time.time()) + 3600}
    text = f"{encoded({'alg': 'RS256', 'typ': 'JWT'})}.{encoded(claims)}"
    signature = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{text}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def encoded(document: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def user_of(settings: Trino, environment: dict[str, str]) -> Any:
    client = TrinoClient(settings, environment=environment)
    return client.run("SELECT current_user", job=Job()).rows


def test_a_token_says_who_asks_over_tls(secured: Trino, key: rsa.RSAPrivateKey) -> None:
    assert user_of(secured, {TOKEN_VARIABLE: token(key, of="ann")}) == (("ann",),)


def test_who_has_no_token_or_anothers_is_refused(secured: Trino) -> None:
    others = rsa.generate_private_key(65537, 2048)
    for environment in ({}, {TOKEN_VARIABLE: token(others, of="ann")}):
        with pytest.raises(QueryFailed, match=r"PERMISSION_DENIED: Trino refuses the user ann"):
            user_of(secured, environment)
