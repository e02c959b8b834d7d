-- The columns of a table that a node names, with their types as SQL; an unknown one is refused by name. For writing
-- also those that cannot be given a value. `read` is the cheap way to read a value from JSON (%s, a jsonb) where it comes to the same as
-- jsonb_to_record(): PostgreSQL's own types that are written as a text, and enums. Null elsewhere: lists, rows, domains, types of
-- extensions, types with a modifier, because a cast to one cuts off what its input refuses, and those that somebody has given a function
-- of his own to be cast to. Whether a value is an error that no row is given is left to the plan, as everywhere in PostgreSQL.
CREATE FUNCTION automations.node_columns(tab regclass, names text[], writing boolean)
RETURNS TABLE (name text, type text, read text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted text;
    a record;
BEGIN
    FOREACH wanted IN ARRAY coalesce(names, '{}') LOOP
        SELECT c.attgenerated, c.attidentity, format_type(c.atttypid, c.atttypmod) AS type,
               CASE
                   WHEN c.atttypmod <> -1 OR EXISTS (
                       SELECT FROM pg_catalog.pg_cast k
                        WHERE k.castsource = 'text'::regtype AND k.casttarget = c.atttypid AND k.castmethod = 'f') THEN NULL
                   WHEN c.atttypid = 'jsonb'::regtype THEN 'nullif(%s, ''null'')'
                   WHEN t.typtype = 'e' OR c.atttypid = ANY ('{text,varchar,bpchar,uuid,bool,int2,int4,int8,numeric,float4,float8,
                       date,time,timetz,timestamp,timestamptz,interval,bytea,inet,cidr}'::regtype[])
                   THEN '((%s) #>> ''{}'')::' || replace(format_type(c.atttypid, -1), '%', '%%')
               END AS read
        INTO a
        FROM pg_catalog.pg_attribute c
        JOIN pg_catalog.pg_type t ON t.oid = c.atttypid
        WHERE c.attrelid = tab AND c.attname = wanted AND c.attnum > 0 AND NOT c.attisdropped;
        IF NOT FOUND THEN
            RAISE EXCEPTION '% has no column %', tab, quote_nullable(wanted) USING ERRCODE = 'undefined_column';
        ELSIF writing AND (a.attgenerated <> '' OR a.attidentity = 'a') THEN
            RAISE EXCEPTION 'column % of % is generated and cannot be written', quote_ident(wanted), tab
                USING ERRCODE = 'generated_always';
        END IF;
        name := wanted;
        type := a.type;
        read := a.read;
        RETURN NEXT;
    END LOOP;
END
$$;
