-- Applications of third parties: who registered them, what people gave them, and tokens that live long.
ALTER TABLE clients ADD COLUMN owner TEXT;
CREATE INDEX clients_by_owner ON clients (owner, id) WHERE owner IS NOT NULL;

-- declined: what the person left out of what was asked for, so that they are not asked again each time.
ALTER TABLE consents ADD COLUMN declined TEXT NOT NULL DEFAULT '';
ALTER TABLE consents ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;
UPDATE consents SET created_at = updated_at;

-- When something was last issued on the grant.
ALTER TABLE grants ADD COLUMN used_at BIGINT;

-- Tokens that live longer than any signed one (31 days), by which a withdrawn grant finds them.
CREATE INDEX access_tokens_long ON access_tokens (grant_id)
    WHERE grant_id IS NOT NULL AND expires_at - issued_at > 2678400000000;
