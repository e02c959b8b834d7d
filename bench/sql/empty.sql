-- Every round begins with the same: no leads, no executions, nothing queued.
TRUNCATE public.leads, public.conversations, public.messages, public.bookings, public.automation_executions,
    automations.queue, automations.parked, automations.steps, automations.missed, automations.uncounted,
    bench.bare, bench.empty_trigger, bench.row_notify, bench.jobs CASCADE;
