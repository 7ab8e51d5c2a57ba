-- Version 2: what stopping and redriving an execution need.

CREATE TABLE checkpoints (
    execution TEXT PRIMARY KEY REFERENCES executions (name),
    document TEXT NOT NULL         -- JSON: where the execution stood after the last event here
) WITHOUT ROWID;

CREATE TABLE stop_requests (
    execution TEXT PRIMARY KEY REFERENCES executions (name),
    error TEXT,
    cause TEXT
) WITHOUT ROWID;
