"""Who may ask, and what a browser may do with the answer: hosts, the token, headers.

Stands before every page. Source: https://cheatsheetseries.owasp.org/, the sheets on HTTP headers
and on cross-site request forgery; https://web.dev/articles/fetch-metadata.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, urlencode

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    Refuse = Callable[[Request, int, str], Response]

__all__ = ["MIN_TOKEN_CHARACTERS", "Gate", "is_loopback"]

MIN_TOKEN_CHARACTERS: Final = 16
_MAX_FORM_BYTES: Final = 4096
# No exception for scripts or styles in the page: both are files of the server.
_CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS: Final = {
    "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # with no-referrer, forms of our own would come with the origin null
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, as it alone can reach it: by name or by address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(slots=True)
class Gate:
    """Lets a request through to `app`, or has it answered by `refuse`.

    Without a `token`, only hosts that mean this machine are answered, so that no page of another
    site gets here by a name of its own that resolves to it. With one, whoever shows it gets a
    cookie, which is another secret, and lives as long as the process.
    """

    app: ASGIApp
    token: str | None
    refuse: Refuse
    _session: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        app = await self._answer(Request(scope, receive))
        await app(scope, receive, _with_headers(send))

    async def _answer(self, request: Request) -> ASGIApp:
        refused = self._refused(request)
        if refused is not None:
            return self.refuse(request, *refused)
        if self.token is None or _same(request.cookies.get(_cookie(request), ""), self._session):
            return self.app
        # the page that asks for the token has its style, too; these files tell nothing of anyone
        if _path(request).startswith("/static/"):
            return self.app
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and _same(credentials.strip(), self.token):
            return self.app
        if _same(await _shown_token(request), self.token):
            return self._entered(request)
        return self.refuse(request, 401, "token")

    def _refused(self, request: Request) -> tuple[int, str] | None:
        if self.token is None and not is_loopback(_host(request)):
            return 421, "host"
        # A browser says which site a request comes from; a link may lead here, nothing else may.
        site = request.headers.get("sec-fetch-site", "none")
        mode = request.headers.get("sec-fetch-mode", "navigate")
        is_link = mode == "navigate" and request.method in ("GET", "HEAD")
        if site not in ("same-origin", "none") and not is_link:
            return 403, "site"
        origin = request.headers.get("origin")
        if request.method not in ("GET", "HEAD") and origin is not None:
            host = request.headers.get("host", "")
            if origin not in (f"http://{host}", f"https://{host}"):
                return 403, "site"
        return None

    def _entered(self, request: Request) -> Response:
        """Return what sets the cookie and leads on to what was asked for, without the token.

        A redirect would belong to the site that linked here, which gets no strict cookie sent.
        """
        rest = [item for item in request.query_params.multi_items() if item[0] != "token"]
        # a path of two slashes, or of a slash and a backslash, would be another host
        path = "/" if request.method == "POST" else f"/{quote(_path(request).lstrip('/'))}"
        target = escape(f"{path}?{urlencode(rest)}" if rest else path)
        response = HTMLResponse(
            f'<!doctype html><meta http-equiv="refresh" content="0; url={target}"><title>…</title>'
            f'<a href="{target}">otel-analytics</a>'
        )
        response.set_cookie(
            _cookie(request),
            self._session,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response


async def _shown_token(request: Request) -> str:
    """Return the token of a link, or of the form."""
    if request.method != "POST":
        return request.query_params.get("token", "")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MAX_FORM_BYTES:
            return ""
    return dict(parse_qsl(body.decode(errors="replace"))).get("token", "")


def _path(request: Request) -> str:
    """Return the path that is routed by: a URL made of the header Host can have another.

    Source: https://osv.dev/vulnerability/PYSEC-2026-161
    """
    return str(request.scope["path"])


def _cookie(request: Request) -> str:
    """Return the name of the cookie: a browser keeps one jar for all ports of a host.

    Source: https://www.rfc-editor.org/rfc/rfc6265#section-8.5
    """
    return f"otel_analytics_session_{request.scope['server'][1]}"


def _host(request: Request) -> str:
    host = request.headers.get("host", "").lower()
    name, _, port = host.rpartition(":")
    name = name if name and port.isdecimal() else host
    return name[1:-1] if name.startswith("[") and name.endswith("]") else name


def _same(shown: str, secret: str) -> bool:
    return hmac.compare_digest(shown.encode(), secret.encode())


def _with_headers(send: Send) -> Callable[[Message], Awaitable[Any]]:
    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return answer
