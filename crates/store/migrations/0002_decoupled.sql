-- Requests that a person decides elsewhere: the device flow (RFC 8628) and backchannel authentication (CIBA).
-- state: pending, approved, denied, redeemed. too_fast: whether the last poll came before its time.
CREATE TABLE decoupled_requests (
    hash BYTEA NOT NULL PRIMARY KEY,
    handle BYTEA NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    client_id TEXT NOT NULL,
    document TEXT NOT NULL,
    state TEXT NOT NULL,
    approval TEXT,
    pace BIGINT NOT NULL,
    polled_at BIGINT,
    too_fast BIGINT NOT NULL,
    looks BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX decoupled_requests_by_expiry ON decoupled_requests (expires_at, hash);
