-- Version 5: a partition says what it was built from, in a JSON object.

ALTER TABLE partitions ADD COLUMN parameters TEXT NOT NULL DEFAULT '{}';
