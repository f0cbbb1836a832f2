-- A list stays as its lines, a switch as `true` or `false`: `value` has them.
ALTER TABLE shared_texts DROP COLUMN flag;
ALTER TABLE shared_texts DROP COLUMN items;
ALTER TABLE bot_texts DROP COLUMN flag;
ALTER TABLE bot_texts DROP COLUMN items;
