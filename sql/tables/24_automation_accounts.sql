-- What operators grant to an account: its share of the daemons and how much of it may run at once. An account
-- without a row has the defaults.
CREATE TABLE IF NOT EXISTS public.automation_accounts (
    account_id    uuid PRIMARY KEY,
    weight        integer NOT NULL DEFAULT 1,
    max_in_flight integer,
    CONSTRAINT weight_is_positive CHECK (weight > 0),
    CONSTRAINT max_in_flight_is_positive CHECK (max_in_flight > 0)
);
ALTER TABLE public.automation_accounts ENABLE ROW LEVEL SECURITY;
