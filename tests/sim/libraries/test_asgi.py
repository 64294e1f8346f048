"""httpx in the simulated world, against uvicorn and hypercorn."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import hypercorn.asyncio
import hypercorn.config
import pytest
import uvicorn

from tests.sim.pairs import PAUSE, ROUNDS, talk


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"x-path", scope["path"].encode())]}
    )
    await send({"type": "http.response.body", "body": body[::-1], "more_body": True})
    await send({"type": "http.response.body", "body": b"!"})


async def serve_by_uvicorn() -> None:
    config = uvicorn.Config(application, host="0.0.0.0", port=8000, log_level="warning", lifespan="on")
    await uvicorn.Server(config).serve()


def run_uvicorn() -> None:
    uvicorn.run(application, host="0.0.0.0", port=8000, log_level="warning")


async def serve_by_hypercorn() -> None:
    config = hypercorn.config.Config()
    config.bind = ["0.0.0.0:8000"]
    config.errorlog = None
    await hypercorn.asyncio.serve(application, config)


async def ask() -> Any:
    seen = []
    async with httpx.AsyncClient(base_url="http://server:8000", timeout=30) as client:
        for number in range(ROUNDS):
            answer = await client.post(f"/{number}", content=b"ab" * 5000)
            seen.append((answer.status_code, answer.headers["x-path"], len(answer.content), answer.text[-2:]))
            await asyncio.sleep(PAUSE)
    return seen


def ask_in_thread() -> Any:
    seen = []
    with httpx.Client(base_url="http://server:8000", timeout=30) as client:
        for number in range(ROUNDS):
            answer = client.post(f"/{number}", content=b"ab" * 5000)
            seen.append((answer.status_code, answer.headers["x-path"], len(answer.content), answer.text[-2:]))
            time.sleep(PAUSE)
    return seen


EXPECTED = [(200, f"/{number}", 10_001, "a!") for number in range(ROUNDS)]


# Where uvloop is installed, uvicorn runs in it.
@pytest.mark.filterwarnings("ignore:uvloop.new_event_loop is ignored:RuntimeWarning")
@pytest.mark.parametrize("serve", [serve_by_uvicorn, run_uvicorn, serve_by_hypercorn])
def test_httpx_is_answered(serve: Any) -> None:  # B1
    assert talk(serve, ask) == EXPECTED


def test_httpx_in_a_thread_is_answered() -> None:  # B1
    assert talk(serve_by_uvicorn, ask_in_thread) == EXPECTED
