-- Long texts that a shop's bot reads (questions and answers, prompts), in versions.

CREATE TABLE documents (
    tenant_id    bigint NOT NULL REFERENCES tenants (id),
    key          text   NOT NULL CHECK (key ~ '^[a-z0-9][a-z0-9_.]{0,63}$'),
    language     text   NOT NULL CHECK (language IN ('ru', 'ky', 'en')),
    last_version bigint NOT NULL CHECK (last_version > 0),
    PRIMARY KEY (tenant_id, key, language)
);
COMMENT ON TABLE documents IS 'How far the versions of each document have been counted; it stays when the document is deleted, so that no number comes twice.';

CREATE TABLE document_versions (
    tenant_id  bigint      NOT NULL REFERENCES tenants (id),
    key        text        NOT NULL,
    language   text        NOT NULL,
    version    bigint      NOT NULL CHECK (version > 0),
    title      text        NOT NULL DEFAULT '',
    content    text        NOT NULL CHECK (octet_length(content) BETWEEN 1 AND 1048576),
    actor      text        NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, key, language, version),
    FOREIGN KEY (tenant_id, key, language) REFERENCES documents (tenant_id, key, language)
);
COMMENT ON TABLE document_versions IS 'What documents say: the newest version is the current one; a document without any is deleted.';
COMMENT ON COLUMN document_versions.actor IS 'Who wrote it: the label of the API key or the subject of the JWT.';

ALTER TABLE documents ENABLE ROW LEVEL SECURITY;
ALTER TABLE documents FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON documents
    USING (tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::bigint)
    WITH CHECK (tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::bigint);
ALTER TABLE document_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE document_versions FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON document_versions
    USING (tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::bigint)
    WITH CHECK (tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::bigint);
GRANT SELECT, INSERT, UPDATE ON documents TO lekalo_app;
GRANT SELECT, INSERT, DELETE ON document_versions TO lekalo_app;
