DROP POLICY feed_watch ON application_feeds;
ALTER TABLE applications
    DROP COLUMN contact_name,
    DROP COLUMN contact_phone,
    DROP COLUMN contact_username,
    DROP COLUMN contact_language,
    DROP COLUMN quoted_at_least,
    DROP COLUMN quoted_total_max;
