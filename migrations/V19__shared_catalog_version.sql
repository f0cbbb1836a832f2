-- Servers answer bots out of memory: a version says when what all catalogs share is to be read anew.

ALTER TABLE vehicle_reference ADD COLUMN catalog_version bigint NOT NULL DEFAULT 1;
COMMENT ON COLUMN vehicle_reference.catalog_version IS 'Grows with every change of what all catalogs share: names, categories, options, bodies, texts.';
