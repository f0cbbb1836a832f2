DROP TABLE admin_requests, write_requests;
