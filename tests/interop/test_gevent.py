"""The blocking flavour in greenlets, with the standard library patched by gevent."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "src"

PRELUDE = """
from gevent import monkey
monkey.patch_all()
import time
import gevent
from junto import RequestTimeout, expose, sync

class Math:
    @expose
    def add(self, a, b):
        return a + b

    @expose
    def sleep(self, seconds):
        time.sleep(seconds)
        return seconds

    @expose
    def count(self, to):
        yield from range(to)

def results(function, *arguments):
    greenlets = [gevent.spawn(function, *each) for each in arguments]
    gevent.joinall(greenlets, timeout=10)
    return [greenlet.get(block=False) for greenlet in greenlets]

def main():
    with sync.serve(Math(), "tcp://127.0.0.1:0", workers=8) as server:
        server.start_thread()
        with sync.connect(server.addresses[0]) as peer:
            check(server, peer)

"""


def run(check: str) -> None:
    """Run a program in a process of its own, for what is patched stays so."""
    program = PRELUDE + textwrap.dedent(check) + "\nmain()\nprint('well')\n"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**os.environ, "PYTHONPATH": str(SOURCES)},
        capture_output=True,
        text=True,
        timeout=40,
    )
    assert (done.stdout, done.stderr) == ("well\n", "")


def test_greenlets_share_a_connection() -> None:
    run("""
        def check(server, peer):
            pairs = [(n, 2 * n) for n in range(50)]
            assert results(peer.remote.add, *pairs) == [3 * n for n in range(50)]
    """)


def test_other_greenlets_go_on_while_one_waits() -> None:
    run("""
        def check(server, peer):
            order = []
            def ask(seconds):
                order.append(peer.remote.sleep(seconds))
            waiting = gevent.spawn(ask, 0.2)
            gevent.sleep(0)
            for number in range(5):
                order.append(peer.remote.add(number, 0))
            waiting.join(10)
            assert order == [0, 1, 2, 3, 4, 0.2], order
    """)


def test_timeouts_and_streams_work() -> None:
    run("""
        def check(server, peer):
            try:
                peer.remote.sleep(0.5, timeout=0.02)
            except RequestTimeout:
                pass
            else:
                raise AssertionError("no timeout")
            assert list(peer.remote.count(100)) == list(range(100))
    """)


def test_a_greenlet_that_is_killed_while_it_waits_disturbs_nobody() -> None:
    run("""
        def check(server, peer):
            leader = gevent.spawn(peer.remote.sleep, 0.2)
            gevent.sleep(0.02)
            follower = gevent.spawn(peer.remote.sleep, 0.1)
            gevent.sleep(0.02)
            leader.kill()
            follower.join(10)
            assert follower.get(block=False) == 0.1
            assert peer.remote.add(1, 2, timeout=5) == 3
    """)


def test_a_server_is_a_greenlet_too_and_ends() -> None:
    run("""
        def main():
            server = sync.serve_channels(lambda content: content, "tcp://127.0.0.1:0")
            serving = gevent.spawn(server.serve_forever)
            with sync.open_channel(server.addresses[0]) as channel:
                assert results(channel.request, *[(n,) for n in range(20)]) == list(range(20))
                channel_2 = sync.open_channel(server.addresses[0])
                channel_2.start_thread()
                assert [channel_2.submit(n).result(5) for n in range(5)] == list(range(5))
                channel_2.close()
            server.close()
            serving.join(10)
            assert serving.ready()
    """)
