-- What signs the tokens that resume waiting steps. A table of its own and not a setting, because tenants read some
-- settings: only the owner of the tables and the daemon read this one. Goes along in a dump, so that links that were
-- sent before a restore still work.
CREATE TABLE IF NOT EXISTS automations.token_secret (
    secret  text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    one     boolean NOT NULL DEFAULT true PRIMARY KEY,
    CONSTRAINT there_is_one_secret CHECK (one),
    CONSTRAINT the_secret_is_32_bytes_in_hexadecimal CHECK (secret ~ '^[0-9a-f]{64}$')
);
ALTER TABLE automations.token_secret ENABLE ROW LEVEL SECURITY;
-- three random UUIDs hold 366 random bits, more than a SHA-256 gives away
INSERT INTO automations.token_secret (secret)
SELECT encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex')
ON CONFLICT (one) DO NOTHING;
