-- May the user of this request see the account? Its owner and its members may. The user is the `sub` of the request's
-- claims, as PostgREST sets them; without claims nobody is signed in. SECURITY DEFINER, because the policies of
-- account_members would ask this function again.
CREATE OR REPLACE FUNCTION public.has_account_access(user_id uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(c.sub = user_id OR EXISTS (
               SELECT FROM public.account_members m WHERE m.account_id = user_id AND m.member_id = c.sub), false)
      FROM (SELECT (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid AS sub) c
$$;
