-- The catalog of a home, version 1. A change comes as a further file, named in home.py.

CREATE TABLE databases (
    name TEXT PRIMARY KEY,
    location TEXT,
    create_time REAL NOT NULL
) WITHOUT ROWID;

CREATE TABLE tables (
    database_name TEXT NOT NULL REFERENCES databases (name),
    name TEXT NOT NULL,
    table_type TEXT NOT NULL,
    location TEXT NOT NULL,
    columns TEXT NOT NULL,         -- JSON: [[name, type], …]
    partition_keys TEXT NOT NULL,  -- JSON, likewise
    parameters TEXT NOT NULL,      -- JSON object
    create_time REAL NOT NULL,
    update_time REAL NOT NULL,
    PRIMARY KEY (database_name, name)
) WITHOUT ROWID;

CREATE TABLE query_executions (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    submitted REAL NOT NULL,
    document TEXT NOT NULL         -- JSON, as get-query-execution shows it
) WITHOUT ROWID;

CREATE INDEX query_executions_by_time ON query_executions (submitted);

CREATE TABLE executions (
    name TEXT PRIMARY KEY,
    state_machine TEXT NOT NULL,
    status TEXT NOT NULL,
    start REAL NOT NULL,
    stop REAL,
    input TEXT NOT NULL,
    output TEXT,
    error TEXT,
    cause TEXT,
    definition TEXT NOT NULL,
    transitions INTEGER NOT NULL DEFAULT 0,
    host TEXT NOT NULL,            -- who runs it: a process whose like is not alive has died
    pid INTEGER NOT NULL,
    process_start TEXT NOT NULL
) WITHOUT ROWID;

CREATE INDEX executions_by_time ON executions (start);

CREATE TABLE events (
    execution TEXT NOT NULL REFERENCES executions (name),
    id INTEGER NOT NULL,
    document TEXT NOT NULL,        -- JSON, as get-execution-history shows it
    PRIMARY KEY (execution, id)
) WITHOUT ROWID;
