ALTER TABLE prices DROP COLUMN at_least;
