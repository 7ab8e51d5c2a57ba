-- Version 4: events are kept by the page; a row for each took five times as long to write and read.

CREATE TABLE history_pages (
    execution TEXT NOT NULL REFERENCES executions (name),
    first_id INTEGER NOT NULL,
    events TEXT NOT NULL,          -- JSON array, each as get-execution-history shows it
    PRIMARY KEY (execution, first_id)
);

INSERT INTO history_pages
SELECT execution, id, '[' || document || ']' FROM events ORDER BY execution, id;

DROP TABLE events;
