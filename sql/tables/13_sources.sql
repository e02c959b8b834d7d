-- Which tables automations may hear (watch) and touch (allow_table), and how the account of a row is found:
-- owner_column holds the account's user id, or leads to it through owner_table's key and value.
CREATE TABLE IF NOT EXISTS automations.sources (
    tab          regclass PRIMARY KEY,
    source       text UNIQUE,
    owner_column text,
    owner_table  regclass,
    owner_key    text,
    owner_value  text,
    CONSTRAINT a_path_to_the_owner_is_whole CHECK (
        (owner_table IS NULL) = (owner_key IS NULL)
        AND (owner_table IS NULL) = (owner_value IS NULL)
        AND (owner_table IS NULL OR owner_column IS NOT NULL)),
    CONSTRAINT a_watched_table_has_an_owner CHECK (source IS NULL OR owner_column IS NOT NULL)
);
COMMENT ON COLUMN automations.sources.source IS 'null: database nodes may use the table, nothing listens to it';
COMMENT ON COLUMN automations.sources.owner_column IS 'null: all accounts share the table';
ALTER TABLE automations.sources ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS "everybody who may call automations sees the sources" ON automations.sources;
CREATE POLICY "everybody who may call automations sees the sources" ON automations.sources
    FOR SELECT USING (true);
