"""A position server of VSOA 1.0.4, as a program."""

from __future__ import annotations

import sys
import threading
import time

import vsoa

KNOWN = {"car": {"addr": "127.0.0.1", "port": 3000, "domain": 2, "security": True}}


def announce():
    time.sleep(0.2)
    sys.stdout.write("listening\n")
    sys.stdout.flush()


position = vsoa.Position(lambda search, reply: reply(KNOWN.get(search["name"])))
threading.Thread(target=announce, daemon=True).start()
position.run("127.0.0.1", int(sys.argv[1]))
