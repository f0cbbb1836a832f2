DROP POLICY import_sweep ON imports;
DROP POLICY import_sweep_seen ON imports;
