-- The directory: accounts, what they log in with, their sessions, and the record of what was done.
-- serves: 1
-- Times are microseconds since 1970 (UTC). Lists and objects that are only stored and echoed are JSON text.
-- Tables of short rows are marked for SQLite, which then keeps such a row in its key's tree and not in two.
-- `name_key` and `search` are folded in the program (NFC, full case folding), so that both databases agree.

CREATE TABLE facts (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) /* WITHOUT ROWID */;

CREATE TABLE identity_providers (
    id                   BYTEA NOT NULL PRIMARY KEY,
    kind                 TEXT NOT NULL UNIQUE,
    name                 TEXT NOT NULL,
    name_key             TEXT COLLATE "C" NOT NULL UNIQUE,
    notes                TEXT NOT NULL,
    tags                 TEXT NOT NULL,
    search               TEXT COLLATE "C" NOT NULL,
    lockout_threshold    BIGINT NOT NULL,
    lockout_minutes      BIGINT NOT NULL,
    min_password_length  BIGINT NOT NULL,
    settings             TEXT NOT NULL,
    created              BIGINT NOT NULL,
    updated              BIGINT NOT NULL,
    version              BIGINT NOT NULL
);

-- Besides Local Users (`local`) and Service Users (`service`) there are decoys (`decoy`), which nobody sees: an attempt that
-- has no account to count on is counted on one of them, so that it costs what any other costs.
CREATE TABLE accounts (
    id                    BYTEA NOT NULL PRIMARY KEY,
    kind                  TEXT NOT NULL,
    name                  TEXT NOT NULL,
    name_key              TEXT COLLATE "C" NOT NULL,
    notes                 TEXT NOT NULL,
    tags                  TEXT NOT NULL,
    first_name            TEXT NOT NULL,
    last_name             TEXT NOT NULL,
    email                 TEXT NOT NULL,
    phone                 TEXT NOT NULL,
    labels                TEXT NOT NULL,
    search                TEXT COLLATE "C" NOT NULL,
    disabled              BOOLEAN NOT NULL,
    -- '' while the account has no password.
    password_hash         TEXT NOT NULL,
    -- Raised by whatever must end the account's sessions; a session is good only for the one it was opened under.
    credential_version    BIGINT NOT NULL,
    failed_attempts       BIGINT NOT NULL,
    -- Consecutive failures since the last good login, new password or written counter (NIST SP 800-63B-4, 3.2.2).
    failures_since_reset  BIGINT NOT NULL,
    attempts_in_flight    BIGINT NOT NULL,
    -- The smallest BIGINT while no lock was ever set.
    lock_start            BIGINT NOT NULL,
    created               BIGINT NOT NULL,
    updated               BIGINT NOT NULL,
    -- Raised by every change of what a reader sees; the entity tag.
    version               BIGINT NOT NULL
);
CREATE UNIQUE INDEX accounts_name_key ON accounts (kind, name_key);

CREATE TABLE object_tags (
    kind       TEXT NOT NULL,
    object_id  BYTEA NOT NULL,
    tag        TEXT NOT NULL,
    PRIMARY KEY (tag, kind, object_id)
) /* WITHOUT ROWID */;
CREATE INDEX object_tags_object ON object_tags (object_id);

-- One row per password comparison that has been let in and has not ended. A row that outlives its lease is a failure.
-- There are never more than a few: no index but the key.
CREATE TABLE login_attempts (
    id          BYTEA NOT NULL PRIMARY KEY,
    account_id  BYTEA NOT NULL,
    started     BIGINT NOT NULL
) /* WITHOUT ROWID */;

CREATE TABLE sessions (
    id                  BYTEA NOT NULL PRIMARY KEY,
    account_id          BYTEA NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    credential_version  BIGINT NOT NULL,
    device_id           BYTEA NOT NULL,
    source              TEXT NOT NULL,
    created             BIGINT NOT NULL,
    expires             BIGINT NOT NULL
) /* WITHOUT ROWID */;
CREATE INDEX sessions_account ON sessions (account_id);
CREATE INDEX sessions_expires ON sessions (expires);

-- The SHA-256 of each token; the token itself is nowhere.
CREATE TABLE tokens (
    digest      BYTEA NOT NULL PRIMARY KEY,
    session_id  BYTEA NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    purpose     TEXT NOT NULL
) /* WITHOUT ROWID */;
CREATE INDEX tokens_session ON tokens (session_id);

-- The ids are in the order of time.
CREATE TABLE audit_log (
    id           BYTEA NOT NULL PRIMARY KEY,
    at           BIGINT NOT NULL,
    actor        TEXT NOT NULL,
    act          TEXT NOT NULL,
    object_kind  TEXT NOT NULL,
    object_id    TEXT NOT NULL,
    object_name  TEXT NOT NULL,
    outcome      TEXT NOT NULL,
    reason       TEXT NOT NULL,
    source       TEXT NOT NULL,
    request_id   TEXT NOT NULL,
    changes      TEXT NOT NULL
);
