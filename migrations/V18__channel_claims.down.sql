DROP TABLE channel_claims;
