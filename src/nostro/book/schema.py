"""The tables of the book, written once for SQLite and PostgreSQL. It decides what is stored, of which type and with
which index; it does not decide what anything means (``fold.py``) or how it is asked (``answers.py``).

The types are BIGINT, TEXT and BYTEA, the SQL is the subset that both engines share (docs/decisions/0001). Amounts are
text and no statement adds them; there is no column of floats. Names are interned: a word is stored once, and rows
carry its number. ``JOURNAL`` is what we were told and is never changed; ``DERIVED`` is folded from it, and can be
dropped and folded again at any time.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from nostro.domain.values import DAY_NS

APPLICATION_ID: Final = 0x6E6F7374  # "nost" in ASCII: marks the file as a book
SCHEMA_VERSION: Final = 3
_COLUMN: Final = re.compile(r"\w+ (BIGINT|TEXT|BYTEA)\b")

JOURNAL: Final[dict[str, str]] = {
    "word": "(id BIGINT NOT NULL PRIMARY KEY, text TEXT NOT NULL UNIQUE)",
    "account": (
        "(id BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE, exchange TEXT NOT NULL, dialect TEXT NOT NULL,"
        " since_ns BIGINT NOT NULL)"
    ),
    # The head of each account's chain, and who may move it. `token` grows with each change of the holder.
    "chain": (
        "(account BIGINT NOT NULL PRIMARY KEY REFERENCES account(id), seq BIGINT NOT NULL, hash BYTEA NOT NULL,"
        " holder TEXT NOT NULL, token BIGINT NOT NULL, expires_ns BIGINT NOT NULL)"
    ),
    # `content`: the compressed canonical bytes of the page. What stands beside it is copied from it for searching.
    "page": (
        "(account BIGINT NOT NULL REFERENCES account(id), seq BIGINT NOT NULL, observed_ns BIGINT NOT NULL,"
        " stream BIGINT NOT NULL REFERENCES word(id), question BYTEA NOT NULL, status BIGINT NOT NULL,"
        " claims_since_ns BIGINT, claims_until_ns BIGINT, hash BYTEA NOT NULL, content BYTEA NOT NULL,"
        " PRIMARY KEY (account, seq))"
    ),
    # What other processes left for the holder of the lease.
    "inbox": (
        "(id BIGINT NOT NULL PRIMARY KEY, account BIGINT NOT NULL REFERENCES account(id), content BYTEA NOT NULL)"
    ),
}

DERIVED: Final[dict[str, str]] = {
    # `seq` is the page that introduced this version; `native` 1 where the identity is the exchange's own id;
    # `unsettled` 1 where the row may still change, 2 where frames alone told it, 3 where they add to what a history
    # told (of a state 2 where frames have told of it); `vanished` 1 where a complete re-read no longer showed it.
    "record": (
        "(account BIGINT NOT NULL, identity BYTEA NOT NULL, version BIGINT NOT NULL, vanished BIGINT NOT NULL,"
        " kind BIGINT NOT NULL, stream BIGINT NOT NULL, native BIGINT NOT NULL, unsettled BIGINT NOT NULL,"
        " effective_ns BIGINT NOT NULL, seq BIGINT NOT NULL, row_offset BIGINT NOT NULL, name BIGINT NOT NULL,"
        " wallet BIGINT NOT NULL, sub_account BIGINT NOT NULL, digest BYTEA NOT NULL, content BYTEA NOT NULL,"
        " PRIMARY KEY (account, identity, version))"
    ),
    # The identities of states (balances, fees, ...): few, each with many versions.
    "subject": (
        "(account BIGINT NOT NULL, stream BIGINT NOT NULL, kind BIGINT NOT NULL, identity BYTEA NOT NULL,"
        " PRIMARY KEY (account, stream, kind, identity))"
    ),
    # A second name of a held row, and how the rows of a stream are named so far.
    "alias": (
        "(account BIGINT NOT NULL, identity BYTEA NOT NULL, target BYTEA NOT NULL, seq BIGINT NOT NULL,"
        " PRIMARY KEY (account, identity))"
    ),
    "naming": "(account BIGINT NOT NULL, stream BIGINT NOT NULL, native BIGINT NOT NULL,"
    " PRIMARY KEY (account, stream, native))",
    "claim": (
        "(account BIGINT NOT NULL, stream BIGINT NOT NULL, seq BIGINT NOT NULL, ordinal BIGINT NOT NULL,"
        " status TEXT NOT NULL, cause TEXT NOT NULL, since_ns BIGINT NOT NULL, until_ns BIGINT NOT NULL,"
        " PRIMARY KEY (account, stream, seq, ordinal))"
    ),
    # `amount`: the total of a period as page `seq` left it.
    "period_sum": (
        "(account BIGINT NOT NULL, width_ns BIGINT NOT NULL, start_ns BIGINT NOT NULL, sub_account BIGINT NOT NULL,"
        " wallet BIGINT NOT NULL, asset BIGINT NOT NULL, seq BIGINT NOT NULL, amount TEXT NOT NULL,"
        " PRIMARY KEY (account, width_ns, start_ns, sub_account, wallet, asset, seq))"
    ),
    "finding": (
        "(account BIGINT NOT NULL, seq BIGINT NOT NULL, ordinal BIGINT NOT NULL, what TEXT NOT NULL,"
        " stream BIGINT NOT NULL, kind TEXT NOT NULL, effective_ns BIGINT NOT NULL, row_offset BIGINT NOT NULL,"
        " detail TEXT NOT NULL, PRIMARY KEY (account, seq, ordinal))"
    ),
    # With which reader of an exchange the derived tables were folded.
    "reader": (
        "(exchange TEXT NOT NULL, dialect TEXT NOT NULL, version BIGINT NOT NULL, PRIMARY KEY (exchange, dialect))"
    ),
}

DAY: Final = f"effective_ns / {DAY_NS}"  # the day of a record: an index holds it only where a statement says just this

INDEXES: Final[dict[str, str]] = {
    "page_by_stream": "page (account, stream, seq)",
    "record_by_time": "record (account, kind, effective_ns, seq, row_offset)",
    # Which days of a kind a page knew anything of, however many rows later pages brought.
    "record_by_day": f"record (account, kind, ({DAY}), seq)",
    "record_by_page": "record (account, seq, row_offset)",
    "record_unsettled": "record (account, stream, effective_ns) WHERE unsettled = 1",
    "alias_by_target": "alias (account, target)",
}


class Dialect(NamedTuple):
    """What differs between the engines: how a type is spelled, what follows a table's columns, and how a table is kept
    from being changed."""

    types: dict[str, str]
    strict: str
    guards: str


SQLITE: Final = Dialect(
    types={"BIGINT": "INTEGER", "BYTEA": "BLOB"},
    strict=" STRICT",
    guards="".join(
        f"CREATE TRIGGER {{table}}_no_{event.lower()} BEFORE {event} ON {{table}}"
        " BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;\n"
        for event in ("UPDATE", "DELETE")
    ),
)
# Text is compared by its bytes, as SQLite does it: no locale of a server may change an order.
POSTGRESQL: Final = Dialect(
    types={"TEXT": 'TEXT COLLATE "C"'},
    strict="",
    guards=(
        "CREATE TRIGGER {table}_unchanged BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();\n"
    ),
)


def script(dialect: Dialect) -> str:
    """The statements that make an empty database a book."""
    return "".join([_create(JOURNAL, dialect), _guard("page", dialect), _index("page"), derived_script(dialect)])


def derived_script(dialect: Dialect) -> str:
    """The statements that make the derived tables, empty."""
    guards = [_guard(table, dialect) for table in DERIVED if table not in ("naming", "subject", "reader")]
    return "".join([_create(DERIVED, dialect), *guards, _index("record"), _index("alias")])


def drop_derived_script() -> str:
    return "".join(f"DROP TABLE IF EXISTS {table};\n" for table in DERIVED)


def column_types(table: str) -> list[str]:
    """BIGINT, TEXT or BYTEA for each column of a table, in their order."""
    return _COLUMN.findall((JOURNAL | DERIVED)[table])


def _create(tables: dict[str, str], dialect: Dialect) -> str:
    made = "".join(f"CREATE TABLE {table} {columns}{dialect.strict};\n" for table, columns in tables.items())
    for ours, theirs in dialect.types.items():
        made = made.replace(f" {ours}", f" {theirs}")
    return made


def index_script(name: str) -> str:
    """The statement that makes that index."""
    return f"CREATE INDEX {name} ON {INDEXES[name]};\n"


def _index(table: str) -> str:
    return "".join(index_script(name) for name, on in INDEXES.items() if on.startswith(f"{table} "))


def _guard(table: str, dialect: Dialect) -> str:
    """The table is append-only."""
    return dialect.guards.format(table=table)
