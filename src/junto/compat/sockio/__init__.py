"""The names of sockio: ``aio`` for asyncio, ``sio`` for programs that block."""
