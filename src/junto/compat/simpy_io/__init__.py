"""simpy.io's names, over `junto.simpy`.

For the sockets, ``from simpy.io import select`` becomes ``from junto.compat.simpy_io import select``, and so
for `poll`, `epoll` and `asyncio`, the last of which is asyncio itself here and not the asyncore of old; the
other modules are `packet`, `message`, `codec` and `network`. What differs on purpose: errors that nobody
handles end the run, certificates are checked, and an environment ends when nothing can happen any more.
"""
