ALTER TABLE vehicle_reference DROP COLUMN catalog_version;
