from junto.protocols import Steps, protocol, put, readline, write


@protocol(eof_ok=True)
def echo() -> Steps[None]:
    """Send each line back, until the other side ends its stream."""
    while True:
        line = yield from readline(limit=1000)
        yield from write(line)


@protocol
def ask(*lines: bytes) -> Steps[list[bytes]]:
    """Send lines one by one; return what comes back for each."""
    replies = []
    for line in lines:
        yield from put(line + b"\n")
        replies.append((yield from readline(include=False)))
    return replies
