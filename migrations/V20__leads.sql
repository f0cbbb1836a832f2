-- Leads as a shop works with them: a customer may complain, and it is known who works on what.

ALTER TABLE applications DROP CONSTRAINT applications_kind_check;
ALTER TABLE applications ADD CONSTRAINT applications_kind_check
    CHECK (kind IN ('order', 'individual_measure', 'callback', 'complaint'));

ALTER TABLE applications ADD COLUMN assignee text NOT NULL DEFAULT '';
COMMENT ON COLUMN applications.assignee IS 'Who moved it to in_progress; empty while nobody works on it.';
