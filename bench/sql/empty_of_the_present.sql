-- As empty.sql, but the history stays.
TRUNCATE public.leads, public.conversations, public.messages, public.bookings, automations.queue, automations.parked,
    automations.missed, automations.uncounted CASCADE;
