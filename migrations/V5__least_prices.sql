-- A price may be the least ("from 4000"), beside one exact amount and a range.

ALTER TABLE prices
    ADD COLUMN at_least boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT prices_least_or_range CHECK (NOT at_least OR amount_max IS NULL);
COMMENT ON COLUMN prices.at_least IS 'The amount is the least: what is yet to be settled may make it more.';
