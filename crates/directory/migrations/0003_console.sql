-- What the console shows and asks for.

-- Whether anybody has ever logged in to the account.
ALTER TABLE accounts ADD COLUMN used BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE accounts SET used = TRUE WHERE id IN (SELECT account_id FROM devices);
-- The few accounts that somebody should look at are found without looking at the others.
CREATE INDEX accounts_disabled ON accounts (kind, name_key) WHERE disabled = TRUE;
CREATE INDEX accounts_locked ON accounts (kind, name_key) WHERE lock_start > 0;
CREATE INDEX accounts_blocked ON accounts (kind, name_key) WHERE failures_since_reset >= 100;
CREATE INDEX accounts_unused ON accounts (kind, name_key) WHERE used = FALSE;

-- Microseconds without a request after which the session ends; 0 if it does not for that.
ALTER TABLE sessions ADD COLUMN idle_limit BIGINT NOT NULL DEFAULT 0;
-- When it was last used, within a minute. Noted only of sessions that have such a limit.
ALTER TABLE sessions ADD COLUMN last_used BIGINT NOT NULL DEFAULT 0;

-- The history of one object.
CREATE INDEX audit_log_object ON audit_log (object_id, id);
