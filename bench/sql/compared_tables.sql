-- What the application's table is compared with: the same table with other triggers or none. Also a table of jobs
-- that are only taken away (the floor).
CREATE SCHEMA bench;

CREATE TABLE bench.bare (LIKE public.leads INCLUDING ALL);
CREATE TRIGGER updated_at BEFORE UPDATE ON bench.bare
    FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();

-- A statement trigger that does nothing: what any capture in a trigger costs at least.
CREATE TABLE bench.empty_trigger (LIKE public.leads INCLUDING ALL);
CREATE FUNCTION bench.do_nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER nothing AFTER INSERT ON bench.empty_trigger FOR EACH STATEMENT EXECUTE FUNCTION bench.do_nothing();

-- The obvious alternative: a row trigger that calls pg_notify with the row.
CREATE TABLE bench.row_notify (LIKE public.leads INCLUDING ALL);
CREATE FUNCTION bench.notify_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('bench_rows', row_to_json(NEW)::text);
    RETURN NULL;
END
$$;
CREATE TRIGGER notify AFTER INSERT ON bench.row_notify FOR EACH ROW EXECUTE FUNCTION bench.notify_row();

CREATE TABLE bench.jobs (id bigint PRIMARY KEY, payload text NOT NULL);
