DROP TABLE import_changes, import_issues, import_rows, imports,
    application_events, applications, customers, bot_texts, prices, patterns,
    tenant_categories, tenant_contacts, tenant_channels;
DROP EXTENSION btree_gist;
