//! What a value of a node becomes in its column: the same as `jsonb_to_record()` makes of it, whatever is the cheaper way to read it.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask, state_of};
    use pgrx::prelude::*;

    const TYPES: [&str; 35] = [
        "text",
        "varchar",
        "varchar(3)",
        "char(3)",
        "bpchar",
        "uuid",
        "boolean",
        "smallint",
        "integer",
        "bigint",
        "numeric",
        "numeric(4,1)",
        "real",
        "double precision",
        "date",
        "time",
        "timetz",
        "time(0)",
        "timestamp",
        "timestamp(0)",
        "timestamptz",
        "interval",
        "interval day to minute",
        "bytea",
        "inet",
        "cidr",
        "jsonb",
        "json",
        "bit",
        "bit(3)",
        "integer[]",
        "public.\"100%s mood\"",
        "public.small",
        "public.pair",
        "public.cast_by_hand",
    ];

    const VALUES: [&str; 27] = [
        "null",
        "true",
        "1",
        "5.0",
        "99999",
        "1e300",
        "-0.26",
        "\"\"",
        "\"null\"",
        "\"  x \"",
        "\"long enough\"",
        "\"7\"",
        "\"t\"",
        "\"101\"",
        "\"\\\\x41\"",
        "\"ok\"",
        "\"{1,2}\"",
        "\"(1,2)\"",
        "\"127.0.0.1\"",
        "\"10.0.0.0/8\"",
        "\"1 day 02:03:04.5\"",
        "\"04:05:06.789+02\"",
        "\"2026-11-23 04:05:06.789+02\"",
        "\"11111111-1111-4111-8111-111111111111\"",
        "[1, 2]",
        "{\"a\": 1, \"b\": \"x\"}",
        "[]",
    ];

    /// A table with a column of each type, that all accounts share, in which one row is a node's and one is ours.
    fn kinds() -> Outcome {
        stage::set()?;
        let columns: Vec<String> = (TYPES.iter().enumerate())
            .map(|(place, kind)| format!("c{place} {kind}"))
            .collect();
        Spi::run(&format!(
            "CREATE TYPE public.\"100%s mood\" AS ENUM ('ok', 'true');
             CREATE DOMAIN public.small AS integer CHECK (VALUE < 6);
             CREATE TYPE public.pair AS (a integer, b text);
             CREATE TYPE public.cast_by_hand AS ENUM ('ok', 'by hand');
             CREATE FUNCTION public.by_hand(text) RETURNS public.cast_by_hand LANGUAGE sql AS
                 $$SELECT enum_last(NULL::public.cast_by_hand)$$;
             CREATE CAST (text AS public.cast_by_hand) WITH FUNCTION public.by_hand(text);
             CREATE TABLE public.kinds (row integer PRIMARY KEY, {});
             INSERT INTO public.kinds (row) VALUES (1), (2);
             GRANT SELECT, UPDATE ON public.kinds TO authenticated;
             SELECT automations.allow_table('public.kinds', NULL)",
            columns.join(", ")
        ))?;
        stage::as_tenant(stage::ADA)
    }

    fn db(config: &str) -> String {
        format!("SELECT automations.node_db('{}', '{config}')", stage::ADA)
    }

    fn row(which: i32, column: &str) -> Result<String, pgrx::spi::Error> {
        ask(&format!(
            "SELECT coalesce(k.{column}::text, 'none') FROM public.kinds k WHERE k.row = {which}"
        ))
    }

    #[pg_test]
    fn a_value_is_written_as_jsonb_to_record_reads_it() -> Outcome {
        kinds()?;
        for (place, kind) in TYPES.iter().enumerate() {
            let column = format!("c{place}");
            for value in VALUES {
                let set = format!(
                    "{{\"operation\": \"update\", \"table\": \"kinds\", \"where\": {{\"row\": 1}}, \"values\": {{\"{column}\": {value}}}}}"
                );
                let expected = state_of(&format!(
                    "UPDATE public.kinds k SET {column} = r.v
                       FROM jsonb_to_record('{{\"v\": {value}}}') AS r (v {kind}) WHERE k.row = 2"
                ))?;
                assert_eq!(state_of(&db(&set))?, expected, "{value} as {kind}");
                assert_eq!(row(1, &column)?, row(2, &column)?, "{value} as {kind}");
            }
        }
        Ok(())
    }

    #[pg_test]
    fn a_value_is_looked_for_as_jsonb_to_record_reads_it() -> Outcome {
        kinds()?;
        for (place, kind) in TYPES.iter().enumerate().filter(|(_, kind)| **kind != "json") {
            let column = format!("c{place}");
            for value in VALUES.iter().filter(|value| **value != "null") {
                let find = format!(
                    "{{\"operation\": \"find\", \"table\": \"kinds\", \"where\": [{{\"column\": \"{column}\", \"operator\": \"not_equals\", \"value\": {value}}}]}}"
                );
                let here = format!(
                    "SELECT FROM public.kinds k WHERE k.{column} IS DISTINCT FROM
                         (SELECT r.v FROM jsonb_to_record('{{\"v\": {value}}}') AS r (v {kind}))"
                );
                let expected = state_of(&here)?;
                assert_eq!(state_of(&db(&find))?, expected, "{value} as {kind}");
                if expected == "00000" {
                    let set = format!(
                        "{{\"operation\": \"update\", \"table\": \"kinds\", \"where\": {{\"row\": 1}}, \"values\": {{\"{column}\": {value}}}}}"
                    );
                    let found = format!("SELECT jsonb_array_length(({}) -> 'rows')", db(&find));
                    let both = format!("SELECT count(*) FROM ({here}) f");
                    if state_of(&db(&set))? == "00000" {
                        assert_eq!(ask(&found)?, ask(&both)?, "{value} as {kind}");
                    }
                }
            }
        }
        Ok(())
    }
}
