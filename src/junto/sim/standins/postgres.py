"""A server that speaks PostgreSQL's protocol, for tables of keys and values."""

from __future__ import annotations

import asyncio
import re
import struct

from junto.sim.standins.postgres_sql import Database, Result, SqlError, Statement, Table, Value
from junto.sim.standins.postgres_wire import (
    Fields,
    complaint,
    decode_value,
    message,
    parameter_description,
    row,
    row_description,
)

__all__ = ["PostgresServer"]

MAX_MESSAGE = 16 << 20
SSL_REQUEST, GSS_REQUEST, CANCEL, PROTOCOL_3 = 80877103, 80877104, 80877102, 196608
SETTINGS = {
    "server_version": "16.0",
    "server_encoding": "UTF8",
    "client_encoding": "UTF8",
    "integer_datetimes": "on",
    "standard_conforming_strings": "on",
    "TimeZone": "UTC",
    "DateStyle": "ISO, MDY",
}
PARTS = re.compile(r"((?:[^;']|'[^']*')+)")
NO_EFFECT = re.compile(
    r"(set|reset|close|unlisten|discard|listen|select pg_advisory_unlock_all)\b.*", re.I | re.S
)
"""What is taken and has no effect: settings, and what pools do to a connection before they lend it again."""


def _control(tag: str) -> Statement:
    return Statement([], [], lambda parameters: Result(tag))


BEGIN, COMMIT, ROLLBACK = _control("BEGIN"), _control("COMMIT"), _control("ROLLBACK")
CONTROL = [
    (re.compile(r"(begin|start\s+transaction)\b.*", re.I | re.S), BEGIN),
    (re.compile(r"(commit|end)\b.*", re.I | re.S), COMMIT),
    (re.compile(r"(rollback|abort)\b.*", re.I | re.S), ROLLBACK),
    (NO_EFFECT, _control("SET")),
]


class PostgresServer:
    """Keeps tables, and serves them one transaction after the other.

    A transaction has the database for itself from ``BEGIN`` to its end, so that all are serializable.

    Attributes:
        database: The tables; a test may look at them and change them.
    """

    def __init__(self) -> None:
        self.database = Database()
        self.turn = asyncio.Lock()

    async def start(self, host: str | None = None, port: int = 5432) -> asyncio.Server:
        """Listen, and serve until the server that is returned is closed."""
        return await asyncio.start_server(self._serve, host, port)

    async def serve_forever(self, host: str | None = None, port: int = 5432) -> None:
        """Listen, and serve until cancelled."""
        async with await self.start(host, port) as server:
            await server.serve_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = _Session(self, reader, writer)
        try:
            await session.run()
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):
            pass  # the client is gone, or speaks something else
        finally:
            session.end()
            writer.close()


class _Session:
    """One client: its prepared statements, and the transaction it is in."""

    def __init__(
        self, server: PostgresServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._server = server
        self._database = server.database
        self._reader = reader
        self._writer = writer
        self._statements: dict[str, Statement] = {}
        self._portals: dict[str, tuple[Statement, list[Value], list[int]]] = {}
        self._before: dict[str, Table] | None = None
        self._failed = False

    async def run(self) -> None:
        if not await self._open():
            return
        skipping = False
        while True:
            kind = await self._reader.readexactly(1)
            fields = Fields(await self._body())
            if kind == b"X":
                return
            if kind == b"S":
                skipping = False
                self._ready()
            elif not skipping:
                try:
                    await self._do(kind, fields)
                except SqlError as error:
                    self._writer.write(complaint(error))
                    self._failed = self._before is not None
                    # After an error, what follows up to the next Sync belongs to what failed.
                    skipping = kind != b"Q"
                if kind == b"Q":
                    self._ready()
            await self._writer.drain()

    def end(self) -> None:
        """Undo a transaction that was not finished."""
        if self._before is not None:
            self._finish(commit=False)

    async def _body(self) -> bytes:
        size = struct.unpack(">i", await self._reader.readexactly(4))[0] - 4
        if not 0 <= size <= MAX_MESSAGE:
            raise ValueError("invalid length")
        return await self._reader.readexactly(size)

    async def _open(self) -> bool:
        while True:
            fields = Fields(await self._body())
            code = fields.long()
            if code in {SSL_REQUEST, GSS_REQUEST}:
                self._writer.write(b"N")
            elif code == CANCEL:
                return False
            elif code == PROTOCOL_3:
                break
            else:
                raise ValueError("unknown protocol")
        self._writer.write(message(b"R", struct.pack(">i", 0)))
        for name, value in SETTINGS.items():
            self._writer.write(message(b"S", f"{name}\0{value}\0".encode()))
        self._writer.write(message(b"K", struct.pack(">ii", 1, 1)))
        self._ready()
        return True

    def _ready(self) -> None:
        state = b"E" if self._failed else b"I" if self._before is None else b"T"
        self._writer.write(message(b"Z", state))

    async def _do(self, kind: bytes, fields: Fields) -> None:
        match kind:
            case b"Q":
                for text in filter(str.strip, PARTS.findall(fields.text())):
                    statement = self._prepare(text)
                    if statement.columns:
                        self._writer.write(row_description(statement.columns))
                    await self._execute(statement, [], [])
            case b"P":
                name = fields.text()
                self._statements[name] = self._prepare(fields.text())
                self._writer.write(message(b"1"))
            case b"D":
                self._describe(fields.take(1), fields.text())
            case b"B":
                self._bind(fields)
            case b"E":
                await self._execute(*self._portal(fields.text()))
            case b"C":
                (self._statements if fields.take(1) == b"S" else self._portals).pop(fields.text(), None)
                self._writer.write(message(b"3"))
            case b"H":
                pass
            case _:
                raise SqlError("08P01", f"the stand-in does not know messages {kind!r}")

    def _prepare(self, text: str) -> Statement:
        for pattern, statement in CONTROL:
            if pattern.fullmatch(text.strip()):
                return statement
        return self._database.prepare(PARTS.findall(text)[0] if ";" in text else text)

    def _statement(self, name: str) -> Statement:
        try:
            return self._statements[name]
        except KeyError:
            raise SqlError("26000", f'prepared statement "{name}" does not exist') from None

    def _portal(self, name: str) -> tuple[Statement, list[Value], list[int]]:
        try:
            return self._portals[name]
        except KeyError:
            raise SqlError("34000", f'portal "{name}" does not exist') from None

    def _describe(self, kind: bytes, name: str) -> None:
        formats: list[int] = []
        if kind == b"S":
            statement = self._statement(name)
            self._writer.write(parameter_description(statement.parameters))
        else:
            statement, _, formats = self._portal(name)
        columns = statement.columns
        self._writer.write(row_description(columns, formats) if columns else message(b"n"))

    def _bind(self, fields: Fields) -> None:
        portal, statement = fields.text(), self._statement(fields.text())
        formats, data = fields.shorts(), fields.values()
        if len(data) != len(statement.parameters):
            raise SqlError("08P01", f"{len(data)} parameters for {len(statement.parameters)}")
        values = [
            decode_value(part, kind, formats, number)
            for number, (part, kind) in enumerate(zip(data, statement.parameters, strict=True))
        ]
        self._portals[portal] = statement, values, fields.shorts()
        self._writer.write(message(b"2"))

    async def _execute(self, statement: Statement, values: list[Value], formats: list[int]) -> None:
        if self._failed and statement not in (COMMIT, ROLLBACK):
            raise SqlError(
                "25P02", "current transaction is aborted, commands ignored until end of transaction"
            )
        result = statement.run(values) if self._before is not None else await self._alone(statement, values)
        if statement in (COMMIT, ROLLBACK) and self._before is not None:
            commit = statement is COMMIT and not self._failed
            self._finish(commit=commit)
            result = Result("COMMIT" if commit else "ROLLBACK")
        for values_of_row in result.rows:
            self._writer.write(row(statement.columns, values_of_row, formats))
        self._writer.write(message(b"C", result.tag.encode() + b"\0"))

    async def _alone(self, statement: Statement, values: list[Value]) -> Result:
        """Run outside of a transaction, when no other client is in one; after ``BEGIN`` be in one."""
        await self._server.turn.acquire()
        if statement is BEGIN:
            self._before = self._database.copy()
            return Result("BEGIN")
        try:
            return statement.run(values)
        finally:
            self._server.turn.release()

    def _finish(self, *, commit: bool) -> None:
        if not commit and self._before is not None:
            self._database.tables = self._before
        self._before, self._failed = None, False
        self._server.turn.release()
