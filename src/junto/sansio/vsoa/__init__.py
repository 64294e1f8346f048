"""VSOA without I/O: frames, what both sides know of a session, matching of URLs, position queries.

`frames` turns bytes into frames and back, `payloads` what users send into bytes; `client` and
`server` hold the state of one connection's two sides, `urls` tells who is meant by a URL, and
`positions` reads and writes the datagrams of the name service. A stream has no bytes of its own:
what crosses it is the application's alone.
"""
