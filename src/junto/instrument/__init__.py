"""Streams to instruments: a client that connects again, lines, binary blocks, text, and simulated devices.

errors       what can go wrong
settings     what can be set for a client; retrying: when to connect again
system       what a flavour tells a client of the system it runs on
connection   one connection: the endpoint, with its buffer, its one reader and flow control
lanes        who may read and who may write, first come, first served
alarm        deadlines of calls that wait, on one timer
session      one client's connections, one after the other; calls; opening
reading      the operations, in groups; and writing, blocks, text
client       TCP: the operations on a session
streams      lines and blocks as they come
urls         from a URL to a client
tracing      what goes to and fro, for the log and for recorders
blocking     the facades for programs that block
simulated    instruments that are programs
"""
