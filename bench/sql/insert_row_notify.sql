-- One new lead of the account :account, for pgbench.
INSERT INTO bench.row_notify (user_id, name, email, phone, source)
VALUES (:account, 'Ada Lovelace', 'ada@example.com', '+1 555 0100', 'web');
