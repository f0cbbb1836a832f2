DROP TABLE pattern_edits;
ALTER TABLE patterns DROP COLUMN revision;
