"""A service written for remote procedure calls, served over VSOA as it is.

The function at ``a/add`` is the command ``/a/add``. Its arguments are the param: an array by place, an
object by name, anything else the only one; data are one more argument, behind the others. The result is the
param of the reply, or its data if it is bytes. So any client of VSOA can call it; those of junto do so with
`Client.call` and `Client.remote`.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Generator, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any

from junto.errors import LocalProtocolError
from junto.exposing import Router, describe, resolve
from junto.runtime import Runtime
from junto.sansio.vsoa.payloads import Payload
from junto.sansio.vsoa.statuses import INVALID_URL
from junto.vsoa.calls import BY_PLACE, DESCRIBE, to_json
from junto.vsoa.messages import StatusError
from junto.vsoa.requests import Request, answering
from junto.vsoa.server import Server
from junto.vsoa.settings import ServerSettings

if TYPE_CHECKING:
    import ssl

    from junto.vsoa.addresses import ServerURL

__all__ = ["offer_service", "open_server", "outcome_of"]


def _arguments_of(request: Request) -> tuple[list[Any], dict[str, Any]]:
    param = request.param
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    if isinstance(param, dict):
        kwargs = dict(param)
        by_place = kwargs.pop(BY_PLACE, [])
        args = by_place if isinstance(by_place, list) else [by_place]
    elif isinstance(param, list):
        args = param
    elif param is not None:
        args = [param]
    if request.data:
        args = [*args, request.data]
    return args, kwargs


def offer_service(runtime: Runtime, server: Server, service: Any, pool: Executor | None = None) -> None:
    """Let *server* handle by *service* what it handles by no command."""
    root = Router(service).root

    def call(request: Request) -> Any:
        if request.url == DESCRIBE:
            return describe(root)
        try:
            function, exposed = resolve(root, request.url[1:].removesuffix("/"))
        except LookupError as error:
            raise StatusError(INVALID_URL, str(error)) from None
        result = exposed.call(function, *_arguments_of(request))
        if pool is None:
            result = runtime.adopt(result)
        if hasattr(type(result), "__await__") or isinstance(result, Generator | AsyncGenerator):
            return _await(runtime, result)
        return _as_result(result)

    server.add_command("/", answering(runtime, call, pool))


async def outcome_of(runtime: Runtime, result: Any) -> Any:
    """Wait for what a handler returned, in whatever way its world waits.

    Raises:
        LocalProtocolError: It is a stream of items.
    """
    result = runtime.adopt(result)
    if hasattr(type(result), "__await__"):
        result = await result
    if isinstance(result, Generator) and inspect.getgeneratorstate(result) == inspect.GEN_CLOSED:
        return None  # it had nothing to wait for, and nothing to say
    if isinstance(result, AsyncGenerator):
        await result.aclose()
    if isinstance(result, Generator | AsyncGenerator):
        raise LocalProtocolError("a streamed result has no form in VSOA; publish it, or offer a stream")
    return result


async def _await(runtime: Runtime, result: Any) -> Any:
    return _as_result(await outcome_of(runtime, result))


def _as_result(result: Any) -> Any:
    return result if isinstance(result, Payload) else to_json(result)


async def open_server(
    runtime: Runtime,
    urls: Sequence[str | ServerURL],
    *,
    service: Any = None,
    info: Any = "",
    password: str = "",
    tls: ssl.SSLContext | None = None,
    pool: Executor | None = None,
    settings: ServerSettings | None = None,
) -> Server:
    """Open a server; see the flavours' ``serve``."""
    server = Server(runtime, info=info, password=password, settings=settings)
    if service is not None:
        offer_service(runtime, server, service, pool)
    await server.listen(urls, tls)
    return server
