-- What is derived from versions that were there before: limits, and what listeners carry for the queue.
SELECT automations.set_limits(NULL);
SELECT automations.set_listeners(NULL);
