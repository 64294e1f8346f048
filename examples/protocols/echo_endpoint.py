import asyncio

from line_echo import ask, echo

from junto import Address
from junto.protocols import ProtocolEndpoint
from junto.runtime import Runtime
from junto.runtimes.asyncio import asyncio_runtime


async def talk(runtime: Runtime) -> list[bytes]:
    """Serve and ask; nothing here knows which runtime it is."""
    listener = await runtime.listen(Address("tcp", "127.0.0.1"), lambda: ProtocolEndpoint(runtime, echo()))
    client = ProtocolEndpoint(runtime, ask(b"hello", b"world"))
    await runtime.connect(listener.address, lambda: client)
    try:
        return await client.wait()
    finally:
        listener.close()


async def main() -> None:
    runtime = asyncio_runtime()
    print(await talk(runtime))
    await runtime.stop()


if __name__ == "__main__":
    asyncio.run(main())
