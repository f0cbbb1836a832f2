-- Leads as a shop works with them: a customer may complain, too.

ALTER TABLE applications DROP CONSTRAINT applications_kind_check;
ALTER TABLE applications ADD CONSTRAINT applications_kind_check
    CHECK (kind IN ('order', 'individual_measure', 'callback', 'complaint'));
