-- Which accounts have changed in what lists show of them. Nodes that keep the accounts in memory read from here.
-- serves: 3
-- Noted by triggers, so that a node of the version before, which knows nothing of it, forgets none.

-- only on SQLite
CREATE TABLE account_changes (
    at          INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id  BLOB NOT NULL
);
CREATE TRIGGER account_made AFTER INSERT ON accounts WHEN NEW.kind <> 'decoy' BEGIN
    INSERT INTO account_changes (account_id) VALUES (NEW.id);
END;
CREATE TRIGGER account_changed AFTER UPDATE OF search, updated, failed_attempts, lock_start, disabled ON accounts
WHEN NEW.kind <> 'decoy' AND (NEW.search <> OLD.search OR NEW.updated <> OLD.updated OR NEW.disabled <> OLD.disabled
    OR NEW.failed_attempts <> OLD.failed_attempts OR NEW.lock_start <> OLD.lock_start) BEGIN
    INSERT INTO account_changes (account_id) VALUES (NEW.id);
END;
CREATE TRIGGER account_gone AFTER DELETE ON accounts WHEN OLD.kind <> 'decoy' BEGIN
    INSERT INTO account_changes (account_id) VALUES (OLD.id);
END;

-- only on PostgreSQL
CREATE TABLE account_changes (
    -- The transaction that made it.
    at          BIGINT NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    account_id  BYTEA NOT NULL
);
CREATE INDEX account_changes_at ON account_changes (at);
CREATE FUNCTION note_account_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO account_changes (account_id) VALUES (COALESCE(NEW.id, OLD.id));
    RETURN NULL;
END $$;
CREATE TRIGGER account_made AFTER INSERT ON accounts FOR EACH ROW
    WHEN (NEW.kind <> 'decoy') EXECUTE FUNCTION note_account_change();
CREATE TRIGGER account_changed AFTER UPDATE OF search, updated, failed_attempts, lock_start, disabled ON accounts FOR EACH ROW
    WHEN (NEW.kind <> 'decoy' AND (NEW.search, NEW.updated, NEW.disabled, NEW.failed_attempts, NEW.lock_start)
        IS DISTINCT FROM (OLD.search, OLD.updated, OLD.disabled, OLD.failed_attempts, OLD.lock_start))
    EXECUTE FUNCTION note_account_change();
CREATE TRIGGER account_gone AFTER DELETE ON accounts FOR EACH ROW
    WHEN (OLD.kind <> 'decoy') EXECUTE FUNCTION note_account_change();

-- on both
