-- Authority: roles, policies and scripts, and what follows from them.
-- serves: 2

-- Of what claims are made of. Raised by every change of an account that a policy can see.
ALTER TABLE accounts ADD COLUMN profile_version BIGINT NOT NULL DEFAULT 0;

-- The policies that a session was found to fall under, and for which state of the configuration and of its account
-- that was. Found again when either has changed.
ALTER TABLE sessions ADD COLUMN policies TEXT NOT NULL DEFAULT '[]';
ALTER TABLE sessions ADD COLUMN configuration BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN profile BIGINT NOT NULL DEFAULT 0;

-- One row. The version is raised by every change of what decides what accounts may do: roles, policies, scripts, mappings.
CREATE TABLE configuration (
    id        BIGINT NOT NULL PRIMARY KEY,
    version   BIGINT NOT NULL,
    settings  TEXT NOT NULL
);
INSERT INTO configuration (id, version, settings) VALUES (1, 1, '{}');

-- Administrative roles, policies, scripts and address pools. What they have besides their common fields is JSON.
CREATE TABLE objects (
    kind      TEXT NOT NULL,
    id        BYTEA NOT NULL,
    name      TEXT NOT NULL,
    name_key  TEXT COLLATE "C" NOT NULL,
    notes     TEXT NOT NULL,
    tags      TEXT NOT NULL,
    body      TEXT NOT NULL,
    -- JSON: what went wrong when the object's script last ran; '' if nothing did since it was changed.
    fault     TEXT NOT NULL,
    search    TEXT COLLATE "C" NOT NULL,
    created   BIGINT NOT NULL,
    updated   BIGINT NOT NULL,
    version   BIGINT NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE UNIQUE INDEX objects_name_key ON objects (kind, name_key);

-- The tags that there are, with what is said of them. Which objects carry them is in object_tags.
CREATE TABLE tags (
    id          BYTEA NOT NULL PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    name_key    TEXT COLLATE "C" NOT NULL,
    notes       TEXT NOT NULL,
    color_code  BIGINT NOT NULL,
    search      TEXT COLLATE "C" NOT NULL,
    created     BIGINT NOT NULL,
    updated     BIGINT NOT NULL,
    version     BIGINT NOT NULL
);

-- Accounts, by provider and name, that may not log in. They need not exist.
CREATE TABLE blacklist (
    id              BYTEA NOT NULL PRIMARY KEY,
    kind            TEXT NOT NULL,
    name            TEXT NOT NULL,
    name_key        TEXT COLLATE "C" NOT NULL,
    reason          TEXT NOT NULL,
    search          TEXT COLLATE "C" NOT NULL,
    blacklisted_at  BIGINT NOT NULL,
    version         BIGINT NOT NULL
);
CREATE UNIQUE INDEX blacklist_name ON blacklist (kind, name_key);

-- Devices from which accounts have logged in.
CREATE TABLE devices (
    id            BYTEA NOT NULL PRIMARY KEY,
    account_id    BYTEA NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    kind          TEXT NOT NULL,
    device_id     BYTEA NOT NULL,
    on_boarded    BIGINT NOT NULL,
    last_seen     BIGINT NOT NULL
);
CREATE UNIQUE INDEX devices_account ON devices (account_id, device_id);
CREATE INDEX devices_last_seen ON devices (last_seen, id);
CREATE INDEX sessions_device ON sessions (account_id, device_id);
DROP INDEX sessions_account;

ALTER TABLE audit_log ADD COLUMN search TEXT COLLATE "C" NOT NULL DEFAULT '';
