"""asyncssh in the simulated world: a command with its input, and a forwarded connection."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncssh
from pairs import PAUSE, ROUNDS, talk

HOST_KEY = asyncssh.generate_private_key("ssh-ed25519")
USER_KEY = asyncssh.generate_private_key("ssh-ed25519")


class Server(asyncssh.SSHServer):
    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return key.export_public_key() == USER_KEY.export_public_key()


async def shout(process: asyncssh.SSHServerProcess[str]) -> None:
    async for line in process.stdin:
        process.stdout.write(line.upper())
    process.exit(3)


def test_asyncssh_runs_a_command() -> None:  # B1
    async def serve() -> None:
        server = await asyncssh.create_server(
            Server, "0.0.0.0", 22, server_host_keys=[HOST_KEY], process_factory=shout
        )
        await server.wait_closed()

    async def ask() -> Any:
        known = asyncssh.import_known_hosts(f"server {HOST_KEY.export_public_key().decode()}")
        async with asyncssh.connect(
            "server", known_hosts=known, client_keys=[USER_KEY], username="u", config=None, agent_path=None
        ) as connection:
            seen = []
            async with connection.create_process("shout") as process:
                for number in range(ROUNDS):
                    process.stdin.write(f"ab{number}\n")
                    seen.append(await process.stdout.readline())
                    await asyncio.sleep(PAUSE)
                process.stdin.write_eof()
                await process.wait()
            return seen, process.exit_status

    assert talk(serve, ask) == ([f"AB{number}\n" for number in range(ROUNDS)], 3)
