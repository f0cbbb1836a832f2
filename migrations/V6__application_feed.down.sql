DROP INDEX applications_by_status;
ALTER TABLE applications DROP COLUMN brand_id;
CREATE SEQUENCE application_events_id_seq OWNED BY application_events.id;
ALTER TABLE application_events ALTER COLUMN id SET DEFAULT nextval('application_events_id_seq');
GRANT USAGE ON application_events_id_seq TO lekalo_app;
COMMENT ON COLUMN application_events.id IS NULL;
DROP TABLE application_feeds;
