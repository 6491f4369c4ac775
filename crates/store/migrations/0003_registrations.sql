-- Initial access tokens (RFC 7591 §1.2). most_uses NULL: any number. expires_at NULL: never.
CREATE TABLE registration_tokens (
    id TEXT NOT NULL PRIMARY KEY,
    hash BYTEA NOT NULL UNIQUE,
    name TEXT NOT NULL,
    uses BIGINT NOT NULL,
    most_uses BIGINT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);
CREATE INDEX registration_tokens_by_expiry ON registration_tokens (expires_at, id);

-- Clients that nobody but themselves looks after. token: hash of the registration access token (RFC 7592 §1.2), NULL
-- for those that are known by a metadata document.
CREATE TABLE client_registrations (
    client_id TEXT NOT NULL PRIMARY KEY REFERENCES clients (id) ON DELETE CASCADE,
    token BYTEA,
    expires_at BIGINT NOT NULL
);
CREATE INDEX client_registrations_by_expiry ON client_registrations (expires_at, client_id);
