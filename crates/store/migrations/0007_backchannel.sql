-- Backchannel authentication (CIBA): whom a decoupled request waits for, and the news to its client that it was decided.
-- pings: whether the client wants to be told. ping_at: when it is told next; null while there is nothing to tell, and
-- once it has been told.
ALTER TABLE decoupled_requests ADD COLUMN user_id TEXT;
ALTER TABLE decoupled_requests ADD COLUMN pings BIGINT NOT NULL DEFAULT 0;
ALTER TABLE decoupled_requests ADD COLUMN ping_at BIGINT;
ALTER TABLE decoupled_requests ADD COLUMN ping_tries BIGINT NOT NULL DEFAULT 0;
CREATE INDEX decoupled_requests_by_user ON decoupled_requests (user_id, state) WHERE user_id IS NOT NULL;
CREATE INDEX decoupled_requests_by_client ON decoupled_requests (client_id, state) WHERE user_id IS NOT NULL;
CREATE INDEX decoupled_requests_to_ping ON decoupled_requests (ping_at) WHERE ping_at IS NOT NULL;
