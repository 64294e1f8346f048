"""What only the asyncio runtime does."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest
import uvloop

from junto.address import Address
from junto.runtimes.asyncio import asyncio_runtime

LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]


@pytest.mark.parametrize("factory", LOOPS, ids=["asyncio", "uvloop"])
def test_one_loop_has_one_runtime(factory: Any) -> None:
    async def main() -> Any:
        runtime = asyncio_runtime()
        assert asyncio_runtime() is runtime
        assert runtime.read_buffer is runtime.read_buffer
        assert len(runtime.read_buffer) == 256 * 1024
        return runtime

    with asyncio.Runner(loop_factory=factory) as runner:
        first = runner.run(main())
        assert runner.run(main()) is first
    with asyncio.Runner(loop_factory=factory) as runner:
        assert runner.run(main()) is not first


@pytest.mark.parametrize("factory", LOOPS, ids=["asyncio", "uvloop"])
def test_a_loop_that_is_gone_takes_its_runtime_along(factory: Any) -> None:
    async def main() -> weakref.ref[Any]:
        return weakref.ref(asyncio_runtime())

    with asyncio.Runner(loop_factory=factory) as runner:
        runtime = runner.run(main())
    gc.collect()
    assert runtime() is None


@pytest.mark.parametrize("factory", LOOPS, ids=["asyncio", "uvloop"])
def test_a_loop_that_is_left_with_its_tasks_is_not_kept_by_its_runtime(factory: Any) -> None:
    async def wait() -> None:
        runtime = asyncio_runtime()
        await runtime.create_future()

    async def main() -> None:
        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # asyncio's own, and that is the point
        task.get_loop()._left = task  # type: ignore[attr-defined]  # as what waits in it would

    loop = factory()
    loop.run_until_complete(main())
    loop.close()
    left = weakref.ref(loop)
    del loop
    gc.collect()
    assert left() is None


def test_there_is_no_runtime_without_a_loop() -> None:
    with pytest.raises(RuntimeError):
        asyncio_runtime()


def test_asyncio_timeouts_work_in_flows() -> None:
    async def main() -> None:
        future = asyncio_runtime().create_future()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.005):
                await future
        assert future.cancelled()

    asyncio.run(main())


def test_endpoints_methods_are_called_without_a_step_between() -> None:
    class Endpoint:
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def get_buffer(self, sizehint: int) -> memoryview:
            return asyncio_runtime().read_buffer

        def buffer_updated(self, nbytes: int) -> None: ...
        def eof_received(self) -> None: ...
        def pause_writing(self) -> None: ...
        def resume_writing(self) -> None: ...
        def connection_lost(self, error: Exception | None) -> None: ...

    async def main() -> None:
        runtime = asyncio_runtime()
        endpoint = Endpoint()
        listener = await runtime.listen(Address("tcp", "127.0.0.1"), Endpoint)
        transport: Any = await runtime.connect(listener.address, lambda: endpoint)
        protocol = transport.get_protocol()
        assert isinstance(protocol, asyncio.BufferedProtocol)
        assert protocol.buffer_updated == endpoint.buffer_updated
        assert protocol.get_buffer == endpoint.get_buffer
        assert not hasattr(protocol, "__dict__")
        await runtime.stop()

    asyncio.run(main())
