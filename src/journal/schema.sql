-- Journal of untorn, format 1. Kept as it is for ever: files of this format exist.
CREATE TABLE journal (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id BLOB NOT NULL CHECK (length(id) = 16)
) STRICT;

-- One line each. What the queries need is taken from the JSON itself, so that it cannot disagree with what is hashed.
CREATE TABLE entry (
    sequence INTEGER PRIMARY KEY CHECK (sequence >= 1),
    time_ms INTEGER NOT NULL CHECK (time_ms >= 0),
    json TEXT NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    kind TEXT NOT NULL AS (json ->> '$.entry') CHECK (kind IN ('intent', 'resolved', 'unresolved-final', 'acknowledged')),
    order_number INTEGER NOT NULL AS (json ->> '$.order') CHECK (order_number BETWEEN 1 AND 4294967295),
    attempt INTEGER NOT NULL AS (json ->> '$.attempt') CHECK (attempt BETWEEN 1 AND 4294967295),
    card TEXT AS (json ->> '$.card') CHECK ((kind = 'intent') = (card IS NOT NULL)),
    resolution TEXT AS (json ->> '$.resolution') CHECK (coalesce(resolution, '') IN ('paid', 'not-paid') = (kind = 'resolved'))
) STRICT;

CREATE UNIQUE INDEX one_intent ON entry (order_number, attempt) WHERE kind = 'intent';
CREATE UNIQUE INDEX one_resolution ON entry (order_number, attempt) WHERE kind = 'resolved';
CREATE INDEX of_order ON entry (order_number);
CREATE INDEX of_card ON entry (card) WHERE kind = 'intent';

CREATE VIEW unresolved AS SELECT * FROM entry AS intent WHERE kind = 'intent' AND NOT EXISTS (
    SELECT 1 FROM entry AS later WHERE later.kind = 'resolved'
        AND later.order_number = intent.order_number AND later.attempt = intent.attempt
);

-- The rules that money depends on, once more: a mistake in the program must not get past them.
CREATE TRIGGER no_attempt_after_open_or_paid BEFORE INSERT ON entry
WHEN NEW.json ->> '$.entry' = 'intent' AND NEW.json ->> '$.attempt' > (
    SELECT count(*) + 1 FROM entry
    WHERE order_number = NEW.json ->> '$.order' AND kind = 'resolved' AND resolution = 'not-paid'
)
BEGIN SELECT raise(ABORT, 'an earlier attempt is open or paid'); END;

CREATE TRIGGER no_end_without_intent BEFORE INSERT ON entry
WHEN NEW.json ->> '$.entry' <> 'intent' AND NOT EXISTS (
    SELECT 1 FROM entry WHERE kind = 'intent'
        AND order_number = NEW.json ->> '$.order' AND attempt = NEW.json ->> '$.attempt'
)
BEGIN SELECT raise(ABORT, 'there is no such attempt'); END;

CREATE TRIGGER no_change BEFORE UPDATE ON entry BEGIN SELECT raise(ABORT, 'a line is never changed'); END;
CREATE TRIGGER no_deletion BEFORE DELETE ON entry BEGIN SELECT raise(ABORT, 'a line is never deleted'); END;
