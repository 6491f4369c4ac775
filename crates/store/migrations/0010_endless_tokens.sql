-- Tokens without an end, of which a person and a client have so many together: the newest are found at once.
CREATE INDEX access_tokens_endless ON access_tokens (subject, client_id, issued_at, id)
    WHERE expires_at = 9223372036854775807 AND revoked_at IS NULL;
