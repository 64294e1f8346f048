"""The stand-ins, asked by the real clients over real connections: there is no simulated world in here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import aiomqtt
import asyncpg
import nats
import nats.errors
import pytest
import redis.asyncio
import redis.exceptions

from junto.sim.standins import MqttServer, NatsServer, PostgresServer, RespServer

HOST = "127.0.0.1"


@asynccontextmanager
async def served(standin: MqttServer | NatsServer | PostgresServer | RespServer) -> AsyncIterator[int]:
    server = await standin.start(HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(10):
            await scenario()
            # What was closed needs turns of the loop to be gone.
            for _ in range(5):
                await asyncio.sleep(0)

    asyncio.run(bounded())


async def eventually(done: Callable[[], bool]) -> None:
    while not done():  # noqa: ASYNC110  # nobody tells
        await asyncio.sleep(0.001)


# --- RESP ---


@pytest.mark.parametrize("protocol", [2, 3])
def test_redis_keeps_counts_and_forgets(protocol: int) -> None:
    async def scenario() -> None:
        async with served(RespServer()) as port:
            client = redis.asyncio.Redis(host=HOST, port=port, protocol=protocol)
            assert await client.ping()
            assert await client.get("k") is None
            assert await client.set("k", b"\r\n\0 v")
            assert await client.get("k") == b"\r\n\0 v"
            assert await client.set("k", "other", nx=True) is None
            assert [await client.incr("n"), await client.incrby("n", 5), await client.decr("n")] == [1, 6, 5]
            assert await client.expire("n", 100)
            assert await client.ttl("n") == 100
            assert await client.ttl("k") == -1
            assert await client.set("brief", 1, px=20)
            await asyncio.sleep(0.03)
            assert await client.get("brief") is None
            assert await client.delete("k", "n", "brief") == 2
            with pytest.raises(redis.exceptions.ResponseError, match="not an integer"):
                await client.set("k", "text")
                await client.incr("k")
            with pytest.raises(redis.exceptions.ResponseError, match="unknown command"):
                await client.execute_command("LOLWUT")
            with pytest.raises(redis.exceptions.ResponseError, match="wrong number"):
                await client.execute_command("GET")
            await client.aclose()

    run(scenario)


def test_redis_pipelines_and_transactions_answer_in_order() -> None:
    async def scenario() -> None:
        async with served(RespServer()) as port:
            client = redis.asyncio.Redis(host=HOST, port=port)
            for transaction in (False, True):
                async with client.pipeline(transaction=transaction) as pipe:
                    for number in range(500):
                        pipe.set(f"k{number}", number).get(f"k{number}")
                    replies = await pipe.execute()
                assert replies[1::2] == [b"%d" % number for number in range(500)]
            await client.aclose()

    run(scenario)


@pytest.mark.parametrize("protocol", [2, 3])
def test_redis_subscribers_get_what_is_published(protocol: int) -> None:
    async def scenario() -> None:
        async with served(RespServer()) as port:
            client = redis.asyncio.Redis(host=HOST, port=port, protocol=protocol)
            async with client.pubsub() as pubsub:
                await pubsub.subscribe("news", "weather")
                for _ in range(2):
                    message = await pubsub.get_message(timeout=5)
                    assert message is not None
                    assert message["type"] == "subscribe"
                assert await client.publish("news", "hello") == 1
                message = await pubsub.get_message(timeout=5)
                assert message is not None
                assert (message["channel"], message["data"]) == (b"news", b"hello")
                await pubsub.unsubscribe("news")
                await pubsub.get_message(timeout=5)
                assert await client.publish("news", "nobody") == 0
            await client.aclose()

    run(scenario)


def test_blocking_redis_client_is_served() -> None:
    async def scenario() -> None:
        async with served(RespServer()) as port:

            def use() -> list[Any]:
                with redis.Redis(host=HOST, port=port) as client:
                    return [client.set("a", 1), client.incr("a"), client.get("a")]

            assert await asyncio.to_thread(use) == [True, 2, b"2"]

    run(scenario)


@pytest.mark.parametrize(
    "sent", [b"GET k\r\n", b"*1\r\n:1\r\n", b"*x\r\n", b"*1\r\n$99999999999\r\n", b"*" + 40 * b"1"]
)
def test_resp_refuses_what_is_no_command(sent: bytes) -> None:
    async def scenario() -> None:
        async with served(RespServer()) as port:
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(sent)
            assert (await reader.read()).startswith(b"-ERR Protocol error")
            writer.close()

    run(scenario)


def test_resp_takes_commands_byte_by_byte() -> None:
    async def scenario() -> None:
        async with served(RespServer()) as port:
            reader, writer = await asyncio.open_connection(HOST, port)
            for number in b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\n\r\n\r\n\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n":
                writer.write(bytes([number]))
                await asyncio.sleep(0)
            expected = b"+OK\r\n$4\r\n\r\n\r\n\r\n"
            assert await reader.readexactly(len(expected)) == expected
            writer.close()

    run(scenario)


# --- NATS ---


def test_nats_delivers_by_subject_and_wildcard() -> None:
    async def scenario() -> None:
        got: list[tuple[str, bytes]] = []

        async def note(message: Any) -> None:
            got.append((message.subject, message.data))

        async with served(NatsServer()) as port:
            client = await nats.connect(f"nats://{HOST}:{port}")
            for pattern in ("a.b", "a.*", ">"):
                await client.subscribe(pattern, cb=note)
            await client.publish("a.b", b"1")
            await client.publish("a.b.c", b"2\r\n")
            await client.flush()
            await eventually(lambda: len(got) == 4)
            assert sorted(got) == [("a.b", b"1")] * 3 + [("a.b.c", b"2\r\n")]
            await client.close()

    run(scenario)


def test_nats_members_of_a_queue_share_the_work() -> None:
    async def scenario() -> None:
        got: dict[str, int] = {"one": 0, "two": 0}

        def counter(name: str) -> Callable[[Any], Awaitable[None]]:
            async def count(message: Any) -> None:
                got[name] += 1

            return count

        async with served(NatsServer()) as port:
            client = await nats.connect(f"nats://{HOST}:{port}")
            for name in got:
                await client.subscribe("work", queue="workers", cb=counter(name))
            for _ in range(10):
                await client.publish("work", b"")
            await client.flush()
            await eventually(lambda: sum(got.values()) == 10)
            assert got == {"one": 5, "two": 5}
            await client.close()

    run(scenario)


def test_nats_requests_are_answered_and_carry_headers() -> None:
    async def scenario() -> None:
        async def answer(message: Any) -> None:
            await message.respond(message.data + (message.headers or {}).get("Tail", "").encode())

        async with served(NatsServer()) as port:
            client = await nats.connect(f"nats://{HOST}:{port}")
            subscription = await client.subscribe("double", cb=answer)
            assert (await client.request("double", b"x", timeout=5)).data == b"x"
            assert (await client.request("double", b"x", timeout=5, headers={"Tail": "y"})).data == b"xy"
            await subscription.unsubscribe()
            with pytest.raises(nats.errors.NoRespondersError):
                await client.request("double", b"x", timeout=5)
            await client.close()

    run(scenario)


def test_nats_subscription_ends_by_itself_after_its_limit() -> None:
    async def scenario() -> None:
        async with served(NatsServer()) as port:
            client = await nats.connect(f"nats://{HOST}:{port}")
            subscription = await client.subscribe("s")
            await subscription.unsubscribe(limit=2)
            for number in range(3):
                await client.publish("s", b"%d" % number)
            await client.flush()
            assert [message.data async for message in subscription.messages] == [b"0", b"1"]
            await client.close()

    run(scenario)


@pytest.mark.parametrize(
    "sent", [b"WHAT\r\n", b"PUB\r\n", b"PUB a 99999999\r\n", b"CONNECT {\r\n", b"PUB a -1\r\n"]
)
def test_nats_refuses_what_is_no_command(sent: bytes) -> None:
    async def scenario() -> None:
        async with served(NatsServer()) as port:
            reader, writer = await asyncio.open_connection(HOST, port)
            assert (await reader.readline()).startswith(b"INFO ")
            writer.write(sent)
            assert (await reader.read()).startswith(b"-ERR ")
            writer.close()

    run(scenario)


# --- PostgreSQL ---


async def connect(port: int) -> Any:
    return await asyncpg.connect(host=HOST, port=port, user="u", database="d", timeout=5)


CREATE = "CREATE TABLE IF NOT EXISTS kv (k text PRIMARY KEY, v int NOT NULL)"
UPSERT = "INSERT INTO kv (k, v) VALUES ($1, $2) ON CONFLICT (k) DO UPDATE SET v = excluded.v"


def test_asyncpg_inserts_finds_changes_and_deletes() -> None:
    async def scenario() -> None:
        async with served(PostgresServer()) as port:
            client = await connect(port)
            await client.execute(CREATE)
            assert await client.execute("INSERT INTO kv (k, v) VALUES ('it''s', -7)") == "INSERT 0 1"
            await client.execute(UPSERT, "a", 1)
            await client.execute(UPSERT, "a", 2)
            await client.executemany(UPSERT, [("b", 3), ("c", 4)])
            assert await client.fetchval("SELECT v FROM kv WHERE k = $1", "a") == 2
            assert await client.fetchval("SELECT v FROM kv WHERE k = $1", "nothing") is None
            rows = await client.fetch("SELECT k, v\n  FROM kv ORDER BY v")
            assert [tuple(row) for row in rows] == [("it's", -7), ("a", 2), ("b", 3), ("c", 4)]
            assert await client.execute("UPDATE kv SET v = v + $1 WHERE k = $2", 10, "a") == "UPDATE 1"
            assert await client.execute("UPDATE kv SET v = 0 WHERE k = $1 AND v = $2", "a", 11) == "UPDATE 0"
            assert await client.fetchrow("SELECT * FROM kv WHERE k = 'a'") == ("a", 12)
            assert await client.execute("DELETE FROM kv WHERE k = $1", "a") == "DELETE 1"
            assert await client.fetchval("SELECT 1") == 1
            await client.close()

    run(scenario)


def test_asyncpg_sees_errors_and_goes_on() -> None:
    async def scenario() -> None:
        async with served(PostgresServer()) as port:
            client = await connect(port)
            await client.execute(CREATE)
            await client.execute("INSERT INTO kv (k, v) VALUES ($1, $2)", "a", 1)
            with pytest.raises(asyncpg.UniqueViolationError):
                await client.execute("INSERT INTO kv (k, v) VALUES ($1, $2)", "a", 1)
            with pytest.raises(asyncpg.UndefinedTableError):
                await client.fetch("SELECT k FROM other")
            with pytest.raises(asyncpg.UndefinedColumnError):
                await client.fetch("SELECT z FROM kv")
            with pytest.raises(asyncpg.FeatureNotSupportedError, match="stand-in"):
                await client.fetch("SELECT count(*) FROM kv GROUP BY v")
            assert await client.fetchval("SELECT v FROM kv WHERE k = 'a'") == 1
            await client.close()

    run(scenario)


def test_asyncpg_transactions_follow_one_another_and_can_be_undone() -> None:
    async def scenario() -> None:
        async with served(PostgresServer()) as port:
            async with asyncpg.create_pool(host=HOST, port=port, user="u", min_size=2, max_size=4) as pool:
                await pool.execute(CREATE)
                await pool.execute(UPSERT, "n", 0)

                async def add(by: int) -> None:
                    async with pool.acquire() as client, client.transaction():
                        value = await client.fetchval("SELECT v FROM kv WHERE k = 'n'")
                        await asyncio.sleep(0)
                        await client.execute(UPSERT, "n", value + by)
                        if by == 100:
                            raise LookupError

                results = await asyncio.gather(*map(add, [1, 100, 2, 3]), return_exceptions=True)
                assert [type(result) for result in results] == [
                    type(None),
                    LookupError,
                    type(None),
                    type(None),
                ]
                assert await pool.fetchval("SELECT v FROM kv WHERE k = 'n'") == 6

    run(scenario)


def test_postgres_undoes_the_transaction_of_a_client_that_is_gone() -> None:
    async def scenario() -> None:
        async with served(PostgresServer()) as port:
            first, second = await connect(port), await connect(port)
            await first.execute(CREATE)
            await first.execute("BEGIN")
            await first.execute(UPSERT, "k", 1)
            first.terminate()
            assert await second.fetch("SELECT k FROM kv") == []
            await second.close()

    run(scenario)


def test_a_failed_transaction_takes_no_more_statements() -> None:
    async def scenario() -> None:
        async with served(PostgresServer()) as port:
            client = await connect(port)
            await client.execute(CREATE)
            await client.execute("BEGIN")
            with pytest.raises(asyncpg.UndefinedTableError):
                await client.execute("DELETE FROM other WHERE k = 'a'")
            with pytest.raises(asyncpg.InFailedSQLTransactionError):
                await client.execute("DELETE FROM kv WHERE k = 'a'")
            assert await client.execute("COMMIT") == "ROLLBACK"
            assert await client.fetch("SELECT k FROM kv") == []
            await client.close()

    run(scenario)


# --- MQTT ---


def test_mqtt_delivers_to_those_who_want_it() -> None:
    async def scenario() -> None:
        async with (
            served(MqttServer()) as port,
            aiomqtt.Client(HOST, port) as one,
            aiomqtt.Client(HOST, port) as two,
        ):
            await one.subscribe("house/+/heat")
            await two.subscribe("house/#")
            for qos in (0, 1):
                await two.publish("house/attic/heat", b"x" * 300, qos=qos)
            await two.publish("house/attic/light", b"on")
            got = [await anext(aiter(two.messages)) for _ in range(3)]
            assert [message.topic.value for message in got] == [
                *["house/attic/heat"] * 2,
                "house/attic/light",
            ]
            got = [await anext(aiter(one.messages)) for _ in range(2)]
            assert [message.payload for message in got] == [b"x" * 300] * 2
            await one.unsubscribe("house/+/heat")
            await two.publish("house/attic/heat", b"unwanted")
            assert (await anext(aiter(two.messages))).payload == b"unwanted"
            assert len(one.messages) == 0

    run(scenario)


def test_mqtt_keeps_the_last_message_of_a_topic_until_told_otherwise() -> None:
    async def scenario() -> None:
        async with served(MqttServer()) as port:
            async with aiomqtt.Client(HOST, port) as first:
                await first.publish("state", b"off", qos=1, retain=True)
                await first.publish("state", b"on", qos=1, retain=True)
            async with aiomqtt.Client(HOST, port) as second:
                await second.subscribe("state")
                assert (await anext(aiter(second.messages))).payload == b"on"
                await second.publish("state", None, qos=1, retain=True)
            async with aiomqtt.Client(HOST, port) as third:
                await third.subscribe("#")
                await third.publish("other", b"", qos=1)
                assert (await anext(aiter(third.messages))).topic.value == "other"

    run(scenario)


def test_mqtt_sends_the_will_of_a_client_that_is_lost() -> None:
    async def scenario() -> None:
        async with served(MqttServer()) as port, aiomqtt.Client(HOST, port) as heir:
            await heir.subscribe("gone")
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(b"\x10\x18\0\x04MQTT\x04\x06\0\0\0\x01w\0\x04gone\0\x03bye")
            assert await reader.readexactly(4) == b"\x20\x02\0\0"
            writer.close()
            assert (await anext(aiter(heir.messages))).payload == b"bye"

    run(scenario)


@pytest.mark.parametrize(
    "sent", [b"\xc0\0", b"\x10\xff\xff\xff\xff\x01", b"\x10\xff\xff\xff\x7f", b"\x10\x02\0\x04", b"\xf0\0"]
)
def test_mqtt_hangs_up_on_what_is_no_packet(sent: bytes) -> None:
    async def scenario() -> None:
        async with served(MqttServer()) as port:
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(sent)
            assert await reader.read() == b""
            writer.close()

    run(scenario)
