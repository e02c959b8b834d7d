-- Appointments.
CREATE TABLE IF NOT EXISTS public.bookings (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id          uuid NOT NULL,
    lead_id          uuid REFERENCES public.leads (id) ON DELETE SET NULL,
    title            text NOT NULL,
    description      text,
    start_time       timestamptz NOT NULL,
    duration_minutes integer NOT NULL DEFAULT 30 CHECK (duration_minutes > 0),
    visitor_name     text,
    visitor_email    text,
    visitor_phone    text,
    created_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS bookings_user ON public.bookings (user_id, start_time);
CREATE INDEX IF NOT EXISTS bookings_lead ON public.bookings (lead_id);
ALTER TABLE public.bookings ENABLE ROW LEVEL SECURITY;
