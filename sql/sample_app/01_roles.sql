-- The three roles that PostgREST and Supabase know: anon (nobody signed in), authenticated (a user, said by the
-- request's claims), service_role (the application's own back end, which sees everything). Made where they are
-- missing and the caller may make roles; roles belong to the whole server, so another database may have made them.
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['anon', 'authenticated', 'service_role'] LOOP
        BEGIN
            IF to_regrole(role) IS NULL THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOINHERIT', role);
            END IF;
            -- only where it has to be: two databases of a server that install at once would update the same row
            IF role = 'service_role' AND (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)
                AND NOT (SELECT rolbypassrls FROM pg_catalog.pg_roles WHERE rolname = role) THEN
                ALTER ROLE service_role BYPASSRLS;
            END IF;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                NULL;
            WHEN insufficient_privilege THEN
                RAISE WARNING 'role % is missing, and % may not create it', role, current_user;
        END;
    END LOOP;
END
$$;
