-- Whole numbers are BIGINT and instants Unix milliseconds, so that one text serves SQLite and PostgreSQL.
-- logo, images, tags and cover are JSON of the contract's messages: they are only ever read together with their row.
CREATE TABLE shops (
    id            BIGINT PRIMARY KEY,
    owner_uid     BIGINT NOT NULL,
    name          TEXT   NOT NULL,
    description   TEXT   NOT NULL,
    media         TEXT   NOT NULL,
    created_at_ms BIGINT NOT NULL,
    version       BIGINT NOT NULL DEFAULT 1
);

CREATE TABLE products (
    id            BIGINT PRIMARY KEY,
    shop_id       BIGINT NOT NULL REFERENCES shops (id),
    title         TEXT   NOT NULL,
    description   TEXT   NOT NULL,
    price         BIGINT NOT NULL CHECK (price >= 0),
    currency      TEXT   NOT NULL,
    media         TEXT   NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    version       BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX products_shop ON products (shop_id, id DESC);

-- price_from and sku_count are what a card shows; they are set together with the SKUs, so that a list of cards is one query.
CREATE TABLE collections (
    id            BIGINT PRIMARY KEY,
    shop_id       BIGINT NOT NULL REFERENCES shops (id),
    title         TEXT   NOT NULL,
    description   TEXT   NOT NULL,
    media         TEXT   NOT NULL,
    state         BIGINT NOT NULL,
    price_from    BIGINT NOT NULL,
    currency      TEXT   NOT NULL,
    sku_count     BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    version       BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX collections_state ON collections (state, id DESC);
CREATE INDEX collections_shop ON collections (shop_id, state, id DESC);

CREATE TABLE skus (
    id            BIGINT PRIMARY KEY,
    collection_id BIGINT NOT NULL REFERENCES collections (id),
    product_id    BIGINT NOT NULL REFERENCES products (id),
    name          TEXT   NOT NULL,
    price         BIGINT NOT NULL CHECK (price >= 0),
    currency      TEXT   NOT NULL,
    stock         BIGINT NOT NULL CHECK (stock >= 0)
);
CREATE INDEX skus_collection ON skus (collection_id, id);
