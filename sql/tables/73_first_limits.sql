-- What is derived from versions that were there before: limits, what listeners carry for the queue, who listens to emitted
-- events, schedules, tools.
SELECT automations.set_limits(NULL);
SELECT automations.set_listeners(NULL);
SELECT automations.set_event_listener(NULL);
SELECT automations.set_schedule(NULL);
SELECT automations.set_tool(NULL);
