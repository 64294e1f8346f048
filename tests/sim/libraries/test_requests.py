"""requests in the simulated world, in threads against the standard library's server with a thread for each connection."""

from __future__ import annotations

import http.server
import ssl
import threading
import time
from typing import Any

import pytest
import requests
import trustme
from pairs import AUTHORITY, PAUSE, ROUNDS, server_context, talk


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(0.01)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.upper())

    def log_message(self, *args: object) -> None:
        pass


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_requests_in_threads_are_answered(scheme: str, tmp_path: Any) -> None:  # B1
    context: ssl.SSLContext = server_context()
    authority = str(tmp_path / "authority.pem")
    trustme.Blob.write_to_path(AUTHORITY.cert_pem, authority)

    def serve() -> None:
        with http.server.ThreadingHTTPServer(("", 8000), Answer) as server:
            if scheme == "https":
                server.socket = context.wrap_socket(server.socket, server_side=True)
            server.serve_forever()

    def ask() -> Any:
        seen: dict[int, list[str]] = {}

        def work(worker: int) -> None:
            with requests.Session() as session:
                session.trust_env = False
                session.verify = authority
                for number in range(ROUNDS):
                    answer = session.post(f"{scheme}://server:8000/", data=f"ab{number}" * 100, timeout=30)
                    seen.setdefault(worker, []).append(answer.text[:5])
                    time.sleep(PAUSE)

        threads = [threading.Thread(target=work, args=(worker,)) for worker in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sorted(seen.items())

    expected = [f"AB{number}AB"[:5] for number in range(ROUNDS)]
    keeps = "urllib3 tries what it can wait with when it waits first"
    assert talk(serve, ask, keeps=keeps) == [(worker, expected) for worker in range(3)]
