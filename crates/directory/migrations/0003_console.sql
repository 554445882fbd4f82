-- What the console shows and asks for.
-- serves: 3

-- Whether anybody has ever logged in to the account.
ALTER TABLE accounts ADD COLUMN used BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE accounts SET used = TRUE WHERE id IN (SELECT account_id FROM devices);
-- The few accounts that somebody should look at are found without looking at the others. Those of which there may be many
-- are in the order of lists; the condition is a column too, as SQLite would else prefer the index of all accounts.
CREATE INDEX accounts_disabled ON accounts (kind, disabled, name_key, id) WHERE disabled = TRUE;
CREATE INDEX accounts_unused ON accounts (kind, used, name_key, id) WHERE used = FALSE;
CREATE INDEX accounts_locked ON accounts (kind, lock_start) WHERE lock_start > 0;
CREATE INDEX accounts_blocked ON accounts (kind, failures_since_reset) WHERE failures_since_reset >= 100;

-- Microseconds without a request after which the session ends; 0 if it does not for that.
ALTER TABLE sessions ADD COLUMN idle_limit BIGINT NOT NULL DEFAULT 0;
-- When it was last used, within a minute. Noted only of sessions that have such a limit.
ALTER TABLE sessions ADD COLUMN last_used BIGINT NOT NULL DEFAULT 0;

-- The history of one object.
CREATE INDEX audit_log_object ON audit_log (object_id, id);
