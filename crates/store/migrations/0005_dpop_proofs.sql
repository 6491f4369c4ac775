-- DPoP proofs that were used: SHA-256 of key and jti (RFC 9449 §11.1).
CREATE TABLE dpop_proofs (
    hash BYTEA NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX dpop_proofs_by_expiry ON dpop_proofs (expires_at, hash);
