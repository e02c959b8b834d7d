-- Which times of a schedule are to be fired at `moment`, of those from `from_time` on: in order, and for each how many missed
-- ones it makes up for; the next time that is not due yet, and when that is fired (its jitter follows from the automation
-- and the time). Without `from_time` nothing is fired, and the next time is the first after `moment`. No row: a configuration
-- that cannot be read.
CREATE FUNCTION automations.due_runs(config jsonb, automation_id uuid, from_time timestamptz, moment timestamptz)
RETURNS TABLE (
    scheduled_at timestamptz[], missed integer[], skips_overlap boolean, next_at timestamptz, due_at timestamptz)
STABLE LANGUAGE c AS 'MODULE_PATHNAME', 'due_runs_wrapper';
