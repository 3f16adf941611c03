"""Who calls: every request is identified and counted before a route is chosen or a body read.

Until the first key is made the service answers this machine alone. A page in a browser on this
machine could send requests on behalf of another site, or of another program's page on another port.
So the request must name this machine (``Host``), and a browser must say that it comes from a page
of this service (``Origin``, ``Sec-Fetch-Site``). A proxy on this machine could pass on requests of
other machines, so requests that carry any header of a proxy are refused.
"""

import ipaddress
from urllib.parse import urlsplit

from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session, sessionmaker
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from service import api_keys
from service.api.web.rate_limit import RateLimit
from service.api.web.schema_guard import SchemaGuard
from service.api.web.scopes import address_of
from service.api_keys import Caller
from service.errors import DomainError, ForbiddenError, UnauthorizedError
from service.settings import Settings

#: Served without a key: their answers show nothing of what is stored.
OPEN_PATHS = frozenset({"/", "/healthz", "/readyz", "/docs", "/openapi.json"})
#: The files of the pages and the documentation, served without a key as well.
OPEN_FOLDERS = ("/static/", "/docs/")

#: Headers by which proxies, tunnels and content networks tell for whom they ask.
_OF_PROXIES = frozenset(
    {
        *("via", "forwarded", "forwarded-for", "x-forwarded", "x-real-ip", "x-original-host"),
        *("client-ip", "true-client-ip", "x-client-ip", "x-cluster-client-ip", "x-remote-addr"),
        *("x-remote-ip", "x-host", "x-originating-ip", "x-proxyuser-ip", "proxy-client-ip"),
        *("wl-proxy-client-ip", "fastly-client-ip", "fly-client-ip", "x-azure-clientip"),
        *(
            "x-appengine-user-ip",
            "x-envoy-external-address",
            "cdn-loop",
            "x-nf-client-connection-ip",
        ),
    }
)
_PREFIXES_OF_PROXIES = ("x-forwarded-", "x-original-forwarded-", "cf-", "tailscale-", "ngrok-")

#: What browsers say of a request that no other site caused.
_OWN_SITE = frozenset({"same-origin", "none"})

_NEEDS_KEY = "Send an API key: `Authorization: Bearer act_...`."
_NO_KEY_YET = (
    "No API key exists yet, so only requests from this machine to its own address are served, by "
    "no proxy and from no other page. "
    "Make a key with `actinium-admin keys create --name NAME --scope admin`, or set "
    "ACTINIUM_API_KEY."
)


class Authentication:
    """Middleware that finds the caller and counts the request against the caller's limit.

    ``scope["state"]`` gets ``caller``. A request without a valid key counts against its address.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: Settings,
        sessions: sessionmaker[Session],
        schema: SchemaGuard,
    ) -> None:
        self._app = app
        self._settings = settings
        self._sessions = sessions
        self._schema = schema
        self._limit = RateLimit(settings.rate_limit)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            DomainError: 401, 403, or 503 while the database's schema is not known to be ours.
            HTTPException: 429.
        """
        if scope["type"] == "http" and not _is_open(scope["path"]):
            await self._admit(scope)
        await self._app(scope, receive, send)

    async def _admit(self, scope: Scope) -> None:
        state = scope["state"]
        self._schema.require()
        try:
            state["caller"] = await run_in_threadpool(self._identify, scope)
        except DomainError:
            await self._limit.count(f"address {address_of(scope)}")
            raise
        state["answer_headers"] |= await self._limit.count(state["caller"].id)

    def _identify(self, scope: Scope) -> Caller:
        headers = Headers(scope=scope)
        authorization = headers.get("authorization")
        with self._sessions() as session:
            if authorization is not None:
                return api_keys.authenticate(session, _token(authorization), self._settings)
            if api_keys.any_exist(session, self._settings):
                raise UnauthorizedError(_NEEDS_KEY)
        if not is_local(address_of(scope), headers):
            raise ForbiddenError(_NO_KEY_YET)
        return api_keys.LOCAL


def is_local(address: str, headers: Headers) -> bool:
    """Whether a request comes from this machine, was meant for it, and from no page but ours."""
    return (
        _is_loopback(address)
        and _is_loopback_host(headers.get("host", ""))
        and _is_own_origin(headers)
        and all(site in _OWN_SITE for site in headers.getlist("sec-fetch-site"))
        and not any(map(_is_of_proxy, headers.keys()))
    )


def _is_own_origin(headers: Headers) -> bool:
    """Whether a request names no origin, or the host and port that it was sent to."""
    own = _host_and_port(headers.get("host", ""))
    return all(
        origin.startswith("http://") and _host_and_port(origin.removeprefix("http://")) == own
        for origin in headers.getlist("origin")
    )


def _host_and_port(netloc: str) -> tuple[str, int] | None:
    """Return host and port of ``host:port``; None where it is more or less than that."""
    try:
        parts = urlsplit(f"//{netloc}")
        host_and_port = parts.hostname or "", parts.port or 80
    except ValueError:
        return None
    return host_and_port if parts.netloc == netloc and "@" not in netloc else None


def _is_of_proxy(name: str) -> bool:
    return name in _OF_PROXIES or name.startswith(_PREFIXES_OF_PROXIES)


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_FOLDERS)


def _token(authorization: str) -> str:
    scheme, _, token = authorization.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise UnauthorizedError(_NEEDS_KEY)
    return token.strip()


def _is_loopback_host(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return name == "localhost" or _is_loopback(name)


def _is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback
