-- Revoking a session finds what was given in it.
CREATE INDEX grants_by_session ON grants (session_id) WHERE session_id IS NOT NULL AND revoked_at IS NULL;
