-- An application keeps whom to call as it was known when it was created: the same chat may later give another name and
-- phone, which belong to what it asks for then. And it keeps how exact the amount was that the customer was quoted.

ALTER TABLE applications
    ADD COLUMN contact_name     text NOT NULL DEFAULT '',
    ADD COLUMN contact_phone    text CHECK (contact_phone ~ '^\+[1-9][0-9]{6,14}$'),
    ADD COLUMN contact_username text NOT NULL DEFAULT '',
    ADD COLUMN contact_language text NOT NULL DEFAULT 'ru' CHECK (contact_language IN ('ru', 'ky', 'en')),
    ADD COLUMN quoted_total_max numeric(12,2) CHECK (quoted_total_max >= quoted_total),
    ADD COLUMN quoted_at_least  boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT applications_least_or_range CHECK (NOT quoted_at_least OR quoted_total_max IS NULL);
COMMENT ON COLUMN applications.contact_name IS 'As known when the application was created, like the other contact columns.';
COMMENT ON COLUMN applications.quoted_total_max IS 'Upper end of a range; null for one amount.';
COMMENT ON COLUMN applications.quoted_at_least IS 'The amount quoted was the least.';

-- Row-level security holds for the owner, too: each tenant's rows are filled in in its own context.
DO $$
DECLARE
    tenant bigint;
BEGIN
    FOR tenant IN SELECT id FROM tenants ORDER BY id LOOP
        EXECUTE format('SET LOCAL app.current_tenant_id = %L', tenant);
        UPDATE applications a
        SET contact_name = u.name, contact_phone = u.phone, contact_username = u.username, contact_language = u.language
        FROM customers u
        WHERE a.tenant_id = tenant AND u.tenant_id = tenant AND u.id = a.customer_id;
    END LOOP;
    SET LOCAL app.current_tenant_id = '';
END
$$;

-- One reader looks after the feeds of all tenants that somebody watches. It says so in its transaction; anybody else
-- sees their own feed only.
CREATE POLICY feed_watch ON application_feeds FOR SELECT
    USING (current_setting('app.watches_feeds', true) = 'on');
