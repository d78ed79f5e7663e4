-- Whole numbers are BIGINT and instants Unix milliseconds, so that one text serves SQLite and PostgreSQL.
CREATE TABLE users (
    id            BIGINT PRIMARY KEY,
    name          TEXT   NOT NULL,
    name_key      TEXT   NOT NULL UNIQUE,
    password_hash TEXT   NOT NULL,
    created_at_ms BIGINT NOT NULL
);

-- tags, cover, images and video are JSON of the contract's messages: they are only ever read together with their post.
CREATE TABLE posts (
    id            BIGINT PRIMARY KEY,
    uid           BIGINT NOT NULL REFERENCES users (id),
    title         TEXT   NOT NULL,
    content       TEXT   NOT NULL,
    type          BIGINT NOT NULL,
    media         TEXT   NOT NULL,
    like_count    BIGINT NOT NULL DEFAULT 0 CHECK (like_count >= 0),
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    version       BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX posts_hot ON posts (like_count DESC, id DESC);
CREATE INDEX posts_type ON posts (type, id DESC);
CREATE INDEX posts_uid ON posts (uid, id DESC);

CREATE TABLE likes (
    post_id       BIGINT NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    uid           BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (post_id, uid)
);
