-- Backchannel requests of clients that the operator did not register are counted by themselves.
ALTER TABLE decoupled_requests ADD COLUMN by_stranger BIGINT NOT NULL DEFAULT 0;
