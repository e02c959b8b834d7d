-- The values that a new installation starts with. An operator's own values are never touched again.
-- bookings and messages say which table and columns action-create-booking and action-send-message write:
-- the field of the node on the left, the column on the right; the defaults are those of the sample application.
INSERT INTO automations.settings (name, value) VALUES
    ('tenant_role', '"authenticated"'),
    ('paused', 'false'),
    ('depth_limit', '8'),
    ('event_days', '30'),
    ('bookings', '{"table": "public.bookings", "owner": "user_id", "columns": {"title": "title",
        "description": "description", "startTime": "start_time", "duration": "duration_minutes",
        "visitorName": "visitor_name", "visitorEmail": "visitor_email", "visitorPhone": "visitor_phone",
        "leadId": "lead_id"}}'),
    ('messages', '{"table": "public.messages", "columns": {"conversationId": "conversation_id",
        "content": "content", "role": "role"}}')
ON CONFLICT (name) DO NOTHING;
