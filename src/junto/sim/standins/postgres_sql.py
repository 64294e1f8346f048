"""As much SQL as a table of keys and values needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["Column", "Database", "Result", "SqlError", "Statement", "Table", "Value"]

Value = str | int | None

NAME = r'"?(\w+)"?'
WORD = r"(\$\d+|'(?:[^']|'')*'|-?\d+)"


class SqlError(Exception):
    """A statement was not done.

    Attributes:
        code: What PostgreSQL calls SQLSTATE.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class Column:
    """A column; its type is ``text``, ``int4`` or ``int8``."""

    name: str
    type: str = "text"


@dataclass(frozen=True)
class Result:
    """What a statement did, as its tag tells, and the rows it found."""

    tag: str
    rows: Sequence[Sequence[Value]] = ()


@dataclass(frozen=True)
class Statement:
    """A statement whose tables were found, to be run as often as wanted.

    Attributes:
        parameters: Types of its parameters.
        columns: What its rows have; empty if it gives none.
        run: Does it with these parameters; raises `SqlError`.
    """

    parameters: list[str]
    columns: list[Column]
    run: Callable[[Sequence[Value]], Result]


@dataclass
class Table:
    """Two columns, and the values by key."""

    key: Column
    value: Column
    rows: dict[Value, Value]


TYPES = {
    "text": "text",
    "varchar": "text",
    "int": "int4",
    "integer": "int4",
    "int4": "int4",
    "bigint": "int8",
    "int8": "int8",
}


class Database:
    """Tables of two columns, of which the first is the key.

    Attributes:
        tables: By their names in small letters.
    """

    def __init__(self) -> None:
        self.tables: dict[str, Table] = {}

    def copy(self) -> dict[str, Table]:
        """Copy all tables, to go back to."""
        return {name: Table(table.key, table.value, dict(table.rows)) for name, table in self.tables.items()}

    def prepare(self, text: str) -> Statement:
        """Understand a statement; raises `SqlError` for what is not known here."""
        text = text.strip()
        for pattern, kind in _STATEMENTS:
            if found := pattern.fullmatch(text):
                prepare: Callable[..., Statement] = getattr(self, f"_{kind}")
                return prepare(*found.groups())
        raise SqlError("0A000", f"the stand-in does not know this statement: {text[:200]}")

    def _table(self, name: str) -> Table:
        try:
            return self.tables[name.lower()]
        except KeyError:
            raise SqlError("42P01", f'relation "{name}" does not exist') from None

    def _create(
        self, if_missing: str | None, name: str, key: str, kind: str, value: str, kind2: str
    ) -> Statement:
        def run(parameters: Sequence[Value]) -> Result:
            if name.lower() not in self.tables:
                self.tables[name.lower()] = Table(columns[0], columns[1], {})
            elif not if_missing:
                raise SqlError("42P07", f'relation "{name}" already exists')
            return Result("CREATE TABLE")

        try:
            columns = Column(key, TYPES[kind.lower()]), Column(value, TYPES[kind2.lower()])
        except KeyError as error:
            raise SqlError("42704", f"type {error} does not exist") from None
        return Statement([], [], run)

    def _insert(
        self, name: str, key: str, value: str, first: str, second: str, conflict: str | None
    ) -> Statement:
        table = self._table(name)
        self._check(table, key, value)

        def run(parameters: Sequence[Value]) -> Result:
            rows, row = self._table(name).rows, _take(first, table.key, parameters)
            if row in rows and conflict is None:
                raise SqlError("23505", f'duplicate key value violates unique constraint "{name}_pkey"')
            if row in rows and conflict and conflict.lower() == "nothing":
                return Result("INSERT 0 0")
            rows[row] = _take(second, table.value, parameters)
            return Result("INSERT 0 1")

        return Statement(_types([(first, table.key), (second, table.value)]), [], run)

    def _select(
        self, what: str, name: str, where: str | None, word: str | None, order: str | None
    ) -> Statement:
        table = self._table(name)
        all_columns = {column.name: column for column in (table.key, table.value)}
        names = list(all_columns) if what == "*" else [part.strip(' "') for part in what.split(",")]
        self._check(table, *names)
        if where is not None:
            self._check_key(table, where)

        def run(parameters: Sequence[Value]) -> Result:
            rows = self._table(name).rows
            keys = list(rows) if word is None else [_take(word, table.key, parameters)]
            found = [{table.key.name: key, table.value.name: rows[key]} for key in keys if key in rows]
            if order is not None:
                by = order
                found.sort(key=lambda row: (row[by] is not None, row[by]))
            return Result(f"SELECT {len(found)}", [[row[column] for column in names] for row in found])

        types = _types([(word, table.key)]) if word is not None else []
        return Statement(types, [all_columns[column] for column in names], run)

    def _update(
        self,
        name: str,
        column: str,
        plus: str | None,
        word: str,
        where: str,
        key: str,
        old: str | None,
        was: str,
    ) -> Statement:
        table = self._table(name)
        self._check(table, column)
        self._check_key(table, where)

        def run(parameters: Sequence[Value]) -> Result:
            rows = self._table(name).rows
            row, new = _take(key, table.key, parameters), _take(word, table.value, parameters)
            if row not in rows or (old is not None and rows[row] != _take(was, table.value, parameters)):
                return Result("UPDATE 0")
            before = rows[row]
            if plus is not None and isinstance(before, int) and isinstance(new, int):
                new = before + new if "+" in plus else before - new
            rows[row] = new
            return Result("UPDATE 1")

        words = [(word, table.value), (key, table.key)]
        return Statement(_types(words + ([(was, table.value)] if old is not None else [])), [], run)

    def _delete(self, name: str, where: str, word: str) -> Statement:
        table = self._table(name)
        self._check_key(table, where)

        def run(parameters: Sequence[Value]) -> Result:
            rows = self._table(name).rows
            row = _take(word, table.key, parameters)
            count = int(row in rows)
            rows.pop(row, None)
            return Result(f"DELETE {count}")

        return Statement(_types([(word, table.key)]), [], run)

    def _constant(self, word: str) -> Statement:
        column = Column("?column?", "text" if word.startswith("'") else "int4")
        return Statement([], [column], lambda parameters: Result("SELECT 1", [[_take(word, column, ())]]))

    def _check(self, table: Table, *names: str) -> None:
        for name in names:
            if name not in {table.key.name, table.value.name}:
                raise SqlError("42703", f'column "{name}" does not exist')

    def _check_key(self, table: Table, name: str) -> None:
        self._check(table, name)
        if name != table.key.name:
            raise SqlError("0A000", "the stand-in finds rows by their key only")


def _take(word: str, column: Column, parameters: Sequence[Value]) -> Value:
    """Give the value of a literal or a parameter."""
    if word.startswith("$"):
        number = int(word[1:])
        if not 1 <= number <= len(parameters):
            raise SqlError("42P02", f"there is no parameter {word}")
        value = parameters[number - 1]
    else:
        value = word[1:-1].replace("''", "'") if word.startswith("'") else int(word)
    if value is None:
        return None
    try:
        return str(value) if column.type == "text" else int(value)
    except ValueError:
        raise SqlError("22P02", f'invalid input for type {column.type}: "{value}"') from None


def _types(words: list[tuple[str, Column]]) -> list[str]:
    types = {int(word[1:]): column.type for word, column in words if word.startswith("$")}
    return [types.get(number, "text") for number in range(1, max(types, default=0) + 1)]


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text.replace("NAME", NAME).replace("WORD", WORD).replace(" ", r"\s*"), re.IGNORECASE)


_STATEMENTS: list[tuple[re.Pattern[str], str]] = [
    (
        _pattern(
            r"create table (if not exists )? NAME \( NAME (\w+) primary key , NAME (\w+)(?: not null)? \)"
        ),
        "create",
    ),
    (
        _pattern(
            r"insert into NAME \( NAME , NAME \) values \( WORD , WORD \)"
            r"(?: on conflict \( \w+ \) do (nothing|update set \w+ = excluded\. \w+))?"
        ),
        "insert",
    ),
    (
        _pattern(r"select (\*|[\w\",\x20]+?) from NAME(?: where NAME = WORD)?(?: order by NAME)?"),
        "select",
    ),
    (
        _pattern(r"update NAME set NAME = (\w+ [+-] )?WORD where NAME = WORD( and \w+ = WORD)?"),
        "update",
    ),
    (_pattern(r"delete from NAME where NAME = WORD"), "delete"),
    (_pattern(r"select WORD"), "constant"),
]
