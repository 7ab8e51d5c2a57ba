-- Version 3: registered partitions, and what publication remembers.

CREATE TABLE partitions (
    database_name TEXT NOT NULL,
    table_name TEXT NOT NULL,
    key_values TEXT NOT NULL,      -- JSON: one text for each partition key
    location TEXT NOT NULL,
    create_time REAL NOT NULL,
    PRIMARY KEY (database_name, table_name, key_values),
    FOREIGN KEY (database_name, table_name) REFERENCES tables (database_name, name)
        ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE publications (
    database_name TEXT NOT NULL,
    prefix TEXT NOT NULL,          -- of the service's tables
    execution TEXT NOT NULL,       -- its token
    number INTEGER NOT NULL,       -- of the version that stood published then: 1, 2, …
    newer TEXT,                    -- the later execution date that stayed published, if one did
    reply TEXT,                    -- JSON: the publisher's answer, once it had also deleted
    PRIMARY KEY (database_name, prefix, execution)
) WITHOUT ROWID;

CREATE TABLE superseded (
    location TEXT PRIMARY KEY,     -- a leaf, or a root that held a table's data directly
    database_name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    query_type TEXT NOT NULL,
    number INTEGER NOT NULL        -- of the version that stood published from then on
) WITHOUT ROWID;
