-- Who may see an account besides its owner: the sales people whom the owner invited. An account is its owner's
-- user id.
CREATE TABLE IF NOT EXISTS public.account_members (
    account_id uuid NOT NULL,
    member_id  uuid NOT NULL,
    role       text NOT NULL DEFAULT 'member' CHECK (role IN ('member', 'admin')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, member_id)
);
CREATE INDEX IF NOT EXISTS account_members_member ON public.account_members (member_id);
ALTER TABLE public.account_members ENABLE ROW LEVEL SECURITY;
