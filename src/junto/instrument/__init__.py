"""Streams to instruments: a client that connects again, lines, binary blocks, text, and simulated devices.

What is in which module::

    errors       what can go wrong
    settings     what can be set for a client; retrying: when to connect again
    system       what a flavour tells a client of the system it runs on
    connection   one connection: the endpoint, with its buffer, its one reader and flow control
    wants        what a read waits for
    lanes        who may read and who may write, first come, first served
    alarm        deadlines of calls that wait, on one timer
    life, opening, calls, shortcuts, session
                 one client's connections, one after the other, and its calls: each builds on the one before
    exchange     a call of several steps; filling: large reads; block_reading: how blocks are read
    reading, writing, blocks, text
                 the operations, in groups
    client       TCP: the operations on a session; state: what can be asked without waiting
    streams      lines and blocks as they come; messages: what a protocol makes of them
    urls         from a URL to a client; connectors: what opens its connections
    tracing      what goes to and fro, for the log and for recorders
    blocking, futures, home, callfutures
                 the facades for programs that block
    aio, sync, trio
                 the clients of the flavours
    script, device, simulated
                 instruments that are programs
"""
