"""Requests that a blocking program receives, and answers later than at once."""

from __future__ import annotations

import queue
import threading

from junto import sync


def test_a_reply_is_sent_though_the_thread_that_replied_waits_for_nothing_more() -> None:
    channels: queue.SimpleQueue[sync.Channel] = queue.SimpleQueue()
    answered = threading.Event()

    def answer_one() -> None:
        request = channels.get(timeout=10).recv()
        request.reply(request.content)
        answered.wait(10)

    thread = threading.Thread(target=answer_one)
    with sync.serve_channels(None, "tcp://127.0.0.1:0", connected=channels.put) as server:
        server.start_thread()
        thread.start()
        with sync.open_channel(server.addresses[0]) as channel:
            assert channel.request("anybody?", timeout=5) == "anybody?"
        answered.set()
        thread.join(10)
    assert not thread.is_alive()
