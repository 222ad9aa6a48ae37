CREATE TABLE stock (
    item TEXT PRIMARY KEY,
    pieces BIGINT NOT NULL CHECK (pieces >= 0)
);
