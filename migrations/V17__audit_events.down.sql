DROP TABLE shared_audit_events, audit_events;
