-- The two roles and the database of docs/operations.md. PostgreSQL's image runs this once, on an empty data folder.
\set owner `cat /run/secrets/owner`
\set service `cat /run/secrets/service`
CREATE ROLE lekalo_app NOLOGIN;
CREATE ROLE lekalo_owner LOGIN PASSWORD :'owner';
CREATE ROLE lekalo_service LOGIN PASSWORD :'service' IN ROLE lekalo_app;
CREATE DATABASE lekalo OWNER lekalo_owner;
