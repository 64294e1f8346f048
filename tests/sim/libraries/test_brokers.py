"""Clients of redis, NATS, MQTT and PostgreSQL in the simulated world, against the stand-ins."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import aiomqtt
import asyncpg
import nats
import redis
import redis.asyncio
from pairs import PAUSE, ROUNDS, talk

from junto.sim.standins import MqttServer, NatsServer, PostgresServer, RespServer

NUMBERS = list(range(ROUNDS))


async def serve_redis() -> None:
    await RespServer().serve_forever("0.0.0.0")


def test_redis_counts() -> None:  # B1
    async def ask() -> Any:
        seen = []
        async with redis.asyncio.Redis(host="server") as client:
            for _ in NUMBERS:
                async with client.pipeline() as pipe:
                    seen.append((await pipe.incr("n").get("n").execute())[0] - 1)
                await asyncio.sleep(PAUSE)
        return seen

    assert talk(serve_redis, ask) == NUMBERS


def test_redis_in_a_thread_counts() -> None:  # B1
    def ask() -> Any:
        seen = []
        with redis.Redis(host="server") as client:
            for _ in NUMBERS:
                seen.append(client.incr("n") - 1)
                time.sleep(PAUSE)
        return seen

    assert talk(serve_redis, ask) == NUMBERS


def test_nats_answers_requests() -> None:  # B1
    async def serve() -> None:
        await NatsServer().serve_forever("0.0.0.0")

    async def ask() -> Any:
        async def answer(message: Any) -> None:
            await message.respond(message.data[::-1])

        client = await nats.connect("nats://server")
        await client.subscribe("turn", cb=answer)
        seen = []
        for number in NUMBERS:
            seen.append((await client.request("turn", b"ab%d" % number, timeout=30)).data)
            await asyncio.sleep(PAUSE)
        await client.drain()
        return seen

    assert talk(serve, ask) == [(b"ab%d" % number)[::-1] for number in NUMBERS]


def test_aiomqtt_delivers_each_message() -> None:  # B1
    async def serve() -> None:
        await MqttServer().serve_forever("0.0.0.0")

    async def ask() -> Any:
        seen = []
        async with aiomqtt.Client("server") as client:
            await client.subscribe("house/#", qos=1)
            for number in NUMBERS:
                await client.publish(f"house/{number}", b"%d" % number, qos=1)
                message = await anext(aiter(client.messages))
                seen.append(int(message.payload))
                await asyncio.sleep(PAUSE)
        return seen

    assert talk(serve, ask) == NUMBERS


def test_asyncpg_stores_and_finds() -> None:  # B1
    async def serve() -> None:
        await PostgresServer().serve_forever("0.0.0.0")

    async def ask() -> Any:
        seen = []
        async with asyncpg.create_pool(host="server", user="u", database="d", min_size=2, max_size=3) as pool:
            await pool.execute("CREATE TABLE kv (k text PRIMARY KEY, v int NOT NULL)")
            for number in NUMBERS:
                await pool.execute("INSERT INTO kv (k, v) VALUES ($1, $2)", f"k{number}", number)
                seen.append(await pool.fetchval("SELECT v FROM kv WHERE k = $1", f"k{number}"))
                await asyncio.sleep(PAUSE)
        return seen

    assert talk(serve, ask, keeps="asyncpg counts the statements of the process") == NUMBERS
