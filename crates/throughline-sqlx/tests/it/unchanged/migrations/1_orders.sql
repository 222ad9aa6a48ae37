CREATE TABLE orders (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer TEXT NOT NULL,
    note TEXT
);

CREATE TABLE lines (
    order_id BIGINT NOT NULL REFERENCES orders ON DELETE CASCADE,
    item TEXT NOT NULL,
    cents BIGINT NOT NULL CHECK (cents >= 0),
    PRIMARY KEY (order_id, item)
);
