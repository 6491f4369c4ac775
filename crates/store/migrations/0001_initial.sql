-- Times are microseconds since the epoch (UTC), documents are JSON text, secrets are SHA-256 hashes or sealed.
-- The text is the same for SQLite and PostgreSQL: BIGINT, TEXT and BYTEA only.

-- Counters are rows rather than sequences: on PostgreSQL whoever counts holds the row until it commits, so numbers
-- have no gaps and become visible in order.
CREATE TABLE counters (
    name TEXT NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counters (name, value) VALUES ('changes', 0), ('signing_keys', 0);

-- What checkers must be told, in the order it happened.
CREATE TABLE changes (
    seq BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX changes_by_time ON changes (at, seq);

CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    display_name TEXT,
    email TEXT,
    email_verified BIGINT NOT NULL,
    scopes TEXT NOT NULL,
    password TEXT,
    created_at BIGINT NOT NULL,
    password_changed_at BIGINT NOT NULL
);
CREATE INDEX users_disabled ON users (id) WHERE status = 'disabled';

CREATE TABLE clients (
    id TEXT NOT NULL PRIMARY KEY,
    status TEXT NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX clients_disabled ON clients (id) WHERE status = 'disabled';

CREATE TABLE api_keys (
    id TEXT NOT NULL PRIMARY KEY,
    hash BYTEA NOT NULL UNIQUE,
    name TEXT NOT NULL,
    owner TEXT NOT NULL,
    scopes TEXT NOT NULL,
    routes TEXT NOT NULL,
    addresses TEXT NOT NULL,
    requests_per_minute BIGINT,
    status TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);
CREATE INDEX api_keys_by_owner ON api_keys (owner, id);

-- Apart from the keys, because it is written all the time and the keys hardly ever.
CREATE TABLE api_key_uses (
    key_id TEXT NOT NULL PRIMARY KEY REFERENCES api_keys (id) ON DELETE CASCADE,
    used_at BIGINT NOT NULL,
    address TEXT NOT NULL,
    route TEXT
);

CREATE TABLE sessions (
    secret BYTEA NOT NULL PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    auth_time BIGINT NOT NULL,
    amr TEXT NOT NULL,
    acr TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at, secret);

CREATE TABLE consents (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id TEXT NOT NULL,
    scopes TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, client_id)
);
CREATE INDEX consents_by_client ON consents (client_id);

-- tokens_expire_at: when the last access token ends; expires_at: when the last thing of the grant ends.
CREATE TABLE grants (
    id TEXT NOT NULL PRIMARY KEY,
    client_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    session_id TEXT,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT,
    tokens_expire_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX grants_by_user ON grants (user_id, client_id);
CREATE INDEX grants_by_client ON grants (client_id);
CREATE INDEX grants_by_expiry ON grants (expires_at, id);
CREATE INDEX grants_revoked ON grants (tokens_expire_at, id) WHERE revoked_at IS NOT NULL;

-- A consumed code stays as long as its grant, so that its replay is known.
CREATE TABLE authorization_codes (
    hash BYTEA NOT NULL PRIMARY KEY,
    grant_id TEXT NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
    document TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    consumed_at BIGINT
);
CREATE INDEX authorization_codes_by_grant ON authorization_codes (grant_id);
CREATE INDEX authorization_codes_unused ON authorization_codes (expires_at, hash) WHERE consumed_at IS NULL;

CREATE TABLE refresh_tokens (
    hash BYTEA NOT NULL PRIMARY KEY,
    grant_id TEXT NOT NULL,
    document TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    rotated_at BIGINT
);
CREATE INDEX refresh_tokens_unspent ON refresh_tokens (grant_id) WHERE rotated_at IS NULL;
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at, hash);

CREATE TABLE access_tokens (
    id TEXT NOT NULL PRIMARY KEY,
    reference BYTEA,
    grant_id TEXT,
    client_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    claims TEXT,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE UNIQUE INDEX access_tokens_by_reference ON access_tokens (reference) WHERE reference IS NOT NULL;
CREATE INDEX access_tokens_by_expiry ON access_tokens (expires_at, id);
CREATE INDEX access_tokens_revoked ON access_tokens (expires_at, id) WHERE revoked_at IS NOT NULL;

CREATE TABLE interactions (
    hash BYTEA NOT NULL PRIMARY KEY,
    document TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX interactions_by_expiry ON interactions (expires_at, hash);

-- Client assertions that were used: SHA-256 of client and jti.
CREATE TABLE assertions (
    hash BYTEA NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX assertions_by_expiry ON assertions (expires_at, hash);

CREATE TABLE signing_keys (
    id TEXT NOT NULL PRIMARY KEY,
    algorithm TEXT NOT NULL,
    public_jwk TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    published_at BIGINT NOT NULL,
    active_from BIGINT NOT NULL,
    retired_at BIGINT,
    removed_at BIGINT
);

CREATE TABLE sealed_values (
    name TEXT NOT NULL PRIMARY KEY,
    sealed BYTEA NOT NULL
);

CREATE TABLE certificates (
    serial TEXT NOT NULL PRIMARY KEY,
    profile TEXT NOT NULL,
    subject TEXT NOT NULL,
    names TEXT NOT NULL,
    certificate BYTEA NOT NULL,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    revoked_at BIGINT,
    revocation_reason TEXT
);
CREATE INDEX certificates_by_start ON certificates (not_before, serial);
CREATE INDEX certificates_by_expiry ON certificates (not_after, serial);
CREATE INDEX certificates_revoked ON certificates (not_after) WHERE revoked_at IS NOT NULL;
