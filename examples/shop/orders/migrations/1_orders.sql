-- For SQLite and PostgreSQL alike.
CREATE TABLE stock (
    item TEXT PRIMARY KEY,
    pieces BIGINT NOT NULL CHECK (pieces >= 0)
);

INSERT INTO stock (item, pieces) VALUES ('book', 100000);

CREATE TABLE orders (
    id TEXT PRIMARY KEY,
    customer TEXT NOT NULL,
    item TEXT NOT NULL REFERENCES stock,
    cents BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('reserved', 'paid', 'cancelled'))
);
