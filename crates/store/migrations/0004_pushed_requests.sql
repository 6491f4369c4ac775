-- Pushed authorization requests (RFC 9126), until they are answered.
CREATE TABLE pushed_requests (
    hash BYTEA NOT NULL PRIMARY KEY,
    document TEXT NOT NULL,
    kept_until BIGINT NOT NULL
);
CREATE INDEX pushed_requests_by_end ON pushed_requests (kept_until, hash);
