"""The engine of this machine, or the one that the operator's docker command talks to, through the SDK."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from docker.api.client import APIClient
from docker.errors import APIError, DockerException
from docker.tls import TLSConfig
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from swarmops.connect.docker import cause, reason
from swarmops.errors import ConnectionFailed, SwarmopsError
from swarmops.lab.endpoint import TLS, Endpoint, child_environment, find

OLDEST_API = "1.41"  # engine 20.10, the oldest that is supported
NEWEST_API = "1.44"  # engine 25; engine 29 refuses what is older
PING_SECONDS = 10
ANSWER_SECONDS = 60

REMEDY = "inv doctor tells what is wrong, inv quickstart installs and starts an engine"


def connect(endpoint: Endpoint | None = None) -> APIClient:
    """A low-level client of the engine, which has answered a ping.

    Raises ConnectionFailed when it does not answer within 10 s; the message says which engine, and why that one.
    """
    endpoint = endpoint or find()
    try:
        client = _client(endpoint)
        ping = client.get(f"{client.base_url}/_ping", timeout=PING_SECONDS)
        ping.raise_for_status()
    except (DockerException, RequestException, OSError, ValueError) as error:
        raise ConnectionFailed(
            f"no Docker engine answers at {endpoint}: {_why(error)}", remedy=_remedy(error)
        ) from error
    # The SDK negotiates by a question for all versions, which takes the engine 15 ms; the ping has said enough.
    vars(client)["_version"] = negotiate(ping.headers.get("Api-Version", OLDEST_API))
    return client


@contextmanager
def told(what: str, remedy: str = "inv doctor") -> Iterator[None]:
    """Around questions to an engine: has it said what they were about.

    Raises SwarmopsError where the engine refuses, ConnectionFailed where it cannot be asked.
    """
    try:
        yield
    except APIError as error:
        raise SwarmopsError(f"{what}: {error.explanation or error}", remedy=remedy) from error
    except (DockerException, RequestException, HTTPError) as error:  # the SDK lets the last through
        raise ConnectionFailed(f"{what}: {reason(error)}", remedy=remedy) from error


def environment() -> dict[str, str]:
    """The environment for a child process (docker, compose) that is to reach the same engine."""
    return child_environment(find())


def negotiate(offered: str) -> str:
    """The version of the API to speak with an engine whose newest is `offered`."""
    return min(offered, NEWEST_API, key=_numbers)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _client(endpoint: Endpoint) -> APIClient:
    if not endpoint.host.startswith("ssh://"):
        tls = _tls(endpoint.tls) if endpoint.tls else False
        client = APIClient(endpoint.host, version=OLDEST_API, timeout=ANSWER_SECONDS, tls=tls)
        if tls:  # requests would take REQUESTS_CA_BUNDLE for the engine's own ca.pem
            client.trust_env = False
        return client
    from swarmops.lab.tunnel import TunnelAdapter

    client = APIClient(version=OLDEST_API, timeout=ANSWER_SECONDS)
    client.mount("http+docker://", TunnelAdapter(endpoint.host, ANSWER_SECONDS))
    return client


def _tls(tls: TLS) -> TLSConfig:
    ca, cert, key = (tls.directory / f"{name}.pem" for name in ("ca", "cert", "key"))
    pair = (str(cert), str(key)) if cert.exists() else None
    return TLSConfig(client_cert=pair, ca_cert=str(ca) if ca.exists() else None, verify=tls.verify)


def _why(error: BaseException) -> str:
    match cause(error):
        case FileNotFoundError():
            return "there is no such socket"
        case PermissionError():
            return "this user may not open it"
        case _:
            return reason(error)


def _remedy(error: BaseException) -> str:
    if isinstance(cause(error), PermissionError):
        return "sudo usermod -aG docker $USER, and log in again"
    return REMEDY
