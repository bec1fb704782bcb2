"""The server: to this machine alone, to who knows the token, and never more than it can hold.

A page of another site must not read what this one does, or make it work: the address holds a random
token, a request must name this host (against names that are pointed here), and come from this page.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import socket
from collections.abc import Callable
from importlib import resources
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import click
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import gaborkit as gk
from gaborkit.io.strict_json import parse

from ..errors import reason
from .desk import Desk
from .tabs import TABS

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

HOST = "127.0.0.1"

#: Bytes of a picture and of the values of controls at most.
LARGEST_PICTURE, LARGEST_STATE = 64 * 2**20, 2**20

_TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css"}

#: What the page may do: nothing but ask this server.
_HEADERS = [
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        b"img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]


class TooLargeError(Exception):
    """A body of more bytes than are taken."""


class Guard:
    """Lets through what this page asks for, and refuses the rest before anything is read."""

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self.app = app
        self.root = f"/{token}/".encode()
        self.hosts = {f"{name}:{port}".encode() for name in (HOST, "localhost")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return  # nothing else is spoken here
        problem = self.problem(scope)

        async def send_guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *_HEADERS]}
            await send(message)

        if problem is None:
            path = scope["raw_path"][len(self.root) - 1 :].decode("latin-1")
            await self.app({**scope, "path": unquote(path)}, receive, send_guarded)
        else:
            refusal = JSONResponse({"error": problem}, 403, {"connection": "close"})
            await refusal(scope, receive, send_guarded)

    def problem(self, scope: Scope) -> str | None:
        """What is wrong with who asks, or None."""
        headers: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.lower(), []).append(value)
        host = headers.get(b"host", [])
        if len(host) != 1 or host[0].lower() not in self.hosts:
            return "this server answers to 127.0.0.1 and localhost alone"
        for origin in headers.get(b"origin", []):
            if origin.lower() != b"http://" + host[0].lower():
                return "another site asks"
        if not set(headers.get(b"sec-fetch-site", [])) <= {b"same-origin", b"none"}:
            return "another site asks"
        path = scope.get("raw_path") or b""
        if not hmac.compare_digest(path[: len(self.root)], self.root):
            return "the address lacks its token; open the one that gaborkit explore printed"
        return None


def application(desk: Desk, token: str, port: int) -> Guard:
    """What answers the page, below a path that is the token.

    Parameters
    ----------
    desk : Desk
    token : str
        Nobody else knows it.
    port : int
        At which it is reached.
    """
    one_at_a_time = asyncio.Lock()

    async def work(function: Callable[..., Any], *arguments: Any) -> Response:
        """The result of a function in another thread, or why there is none, in a line."""
        async with one_at_a_time:
            try:
                return JSONResponse(await run_in_threadpool(function, *arguments))
            except (click.ClickException, gk.GaborkitError, ImportError, MemoryError) as error:
                return JSONResponse({"error": reason(error)}, 400)
            except Exception as error:
                return JSONResponse({"error": reason(error)}, 500)

    async def tabs(request: Request) -> Response:
        return await work(describe, desk)

    async def show(request: Request) -> Response:
        tab = TABS.get(request.path_params["tab"])
        if tab is None:
            return JSONResponse({"error": "there is no such tab"}, 404)
        try:
            texts = parse((await body(request, LARGEST_STATE)).decode())
        except TooLargeError as error:
            return too_large(error)
        except ValueError as error:
            return JSONResponse({"error": f"the values are no JSON: {error}"}, 400)
        if not isinstance(texts, dict) or not all(isinstance(x, str) for x in texts.values()):
            return JSONResponse({"error": "give an object of texts, one a control"}, 400)
        preview = "preview" in request.query_params
        return await work(lambda: tab.answer(texts, desk, preview=preview))

    async def picture(request: Request) -> Response:
        try:
            content = await body(request, LARGEST_PICTURE)
        except TooLargeError as error:
            return too_large(error)
        name = request.query_params.get("name", "picture")
        return await work(lambda: {"picture": desk.hand_over(name, content)})

    pages = {
        file.name: (file.read_bytes(), _TYPES[file.name.rpartition(".")[2]])
        for file in (resources.files(__package__) / "static").iterdir()
        if file.name.rpartition(".")[2] in _TYPES
    }

    async def static(request: Request) -> Response:
        # A name in a table: no path is ever made of what is asked for.
        name = request.path_params.get("name", "index.html")
        if name not in pages:
            return JSONResponse({"error": "there is no such page"}, 404)
        content, kind = pages[name]
        return Response(content, media_type=kind)

    routes = [
        Route("/", static),
        Route("/static/{name}", static),
        Route("/tabs", tabs),
        Route("/show/{tab}", show, methods=["POST"]),
        Route("/picture", picture, methods=["POST"]),
    ]
    return Guard(Starlette(routes=routes), token, port)


def describe(desk: Desk) -> dict[str, Any]:
    """The tabs with their controls."""
    return {
        name: {
            "title": tab.title,
            "about": tab.about,
            "controls": [control.describe() for control in tab.controls(desk)],
        }
        for name, tab in TABS.items()
    }


async def body(request: Request, most: int) -> bytes:
    """The body of a request.

    Raises
    ------
    TooLargeError
        If it declares more bytes than ``most``, or has them; the rest is not read.
    """
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or len(declared) > 15 or int(declared) > most:
        raise TooLargeError(f"{declared} bytes are more than the {most:,} that are taken")
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > most:
            raise TooLargeError(f"more than the {most:,} bytes that are taken")
    return bytes(content)


def too_large(error: TooLargeError) -> Response:
    """Refuse the rest of a body."""
    return JSONResponse({"error": str(error)}, 413, {"connection": "close"})


def serve(desk: Desk, port: int, ready: Callable[[str], object]) -> None:
    """Serve the page until the process is interrupted.

    Parameters
    ----------
    desk : Desk
    port : int
        0 for any that is free.
    ready : callable
        Called with the address once it is known.

    Raises
    ------
    OSError
        If the port is taken.
    """
    token = secrets.token_urlsafe(24)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen()
        port = listener.getsockname()[1]
        config = uvicorn.Config(
            application(desk, token, port),
            log_level="error",
            access_log=False,
            server_header=False,
            ws="none",
            lifespan="off",
            timeout_graceful_shutdown=2,
        )
        ready(f"http://{HOST}:{port}/{token}/")
        uvicorn.Server(config).run(sockets=[listener])
