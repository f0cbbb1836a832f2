-- Customers may be changed and erased, applications changed, noted upon and known elsewhere.

ALTER TABLE customers ADD COLUMN revision bigint NOT NULL DEFAULT 1;
COMMENT ON COLUMN customers.revision IS 'Grows with every change: the etag.';

-- What is left of an application whose customer is erased belongs to nobody: it has the channel alone.
ALTER TABLE applications ALTER COLUMN customer_id DROP NOT NULL;
ALTER TABLE applications ALTER COLUMN request_sha256 DROP NOT NULL;
ALTER TABLE applications ADD COLUMN erased_channel text
    CHECK (erased_channel IN ('whatsapp', 'telegram', 'instagram', 'web'));
ALTER TABLE applications ADD CONSTRAINT applications_of_somebody_or_erased
    CHECK ((customer_id IS NULL) = (erased_channel IS NOT NULL));
COMMENT ON COLUMN applications.erased_channel IS 'Where its customer wrote, once the customer is erased; null before.';
CREATE INDEX applications_by_customer ON applications (tenant_id, customer_id);

ALTER TABLE applications ADD COLUMN external_refs jsonb NOT NULL DEFAULT '[]'
    CHECK (jsonb_typeof(external_refs) = 'array');
COMMENT ON COLUMN applications.external_refs IS 'What it is called elsewhere: a list of system, id and url.';

ALTER TABLE application_events ADD COLUMN kind text CHECK (kind IN ('noted', 'updated', 'customer_deleted'));
ALTER TABLE application_events ADD COLUMN fields text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN application_events.kind IS 'Null: it was created (without from_status) or moved.';
COMMENT ON COLUMN application_events.fields IS 'What was changed, of one that was updated.';
