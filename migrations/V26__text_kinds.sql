-- What stands under a key may be a list or a switch.

-- `value` says it for whoever knows phrases alone, older programs among them: a list's items, one a line; `true` or `false`.
ALTER TABLE bot_texts ADD COLUMN items text[]
    CHECK (cardinality(items) >= 1 AND cardinality(items) <= 100 AND array_position(items, NULL) IS NULL);
ALTER TABLE bot_texts ADD COLUMN flag boolean;
ALTER TABLE bot_texts ADD CONSTRAINT bot_texts_of_one_kind
    CHECK (num_nonnulls(items, flag) <= 1 AND value = coalesce(array_to_string(items, E'\n'), flag::text, value));
COMMENT ON COLUMN bot_texts.items IS 'Of a list its items; null for a phrase or a switch.';
COMMENT ON COLUMN bot_texts.flag IS 'What a switch says; null for a phrase or a list.';

ALTER TABLE shared_texts ADD COLUMN items text[]
    CHECK (cardinality(items) >= 1 AND cardinality(items) <= 100 AND array_position(items, NULL) IS NULL);
ALTER TABLE shared_texts ADD COLUMN flag boolean;
ALTER TABLE shared_texts ADD CONSTRAINT shared_texts_of_one_kind
    CHECK (num_nonnulls(items, flag) <= 1 AND value = coalesce(array_to_string(items, E'\n'), flag::text, value));
COMMENT ON COLUMN shared_texts.items IS 'Of a list its items; null for a phrase or a switch.';
COMMENT ON COLUMN shared_texts.flag IS 'What a switch says; null for a phrase or a list.';
