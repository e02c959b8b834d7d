-- "Quiet conversation": when the agent has written and the visitor has not answered for a day, follow up once. As the
-- editor saves it. The day is the conversation's own `metadata.quiet_seconds` where it has that, which is how a
-- demonstration or a test need not wait for a day. The conversation is marked before the message is written, because
-- the message changes it and would start this automation again.
INSERT INTO public.automations (
    id, agent_id, user_id, name, description, icon, color, status, enabled, trigger_type, trigger_config, nodes, edges,
    viewport)
VALUES (
    'a0000000-0000-4000-8000-000000000042', 'a0000000-0000-4000-8000-000000000010',
    'a0000000-0000-4000-8000-0000000000a1', 'Quiet conversation', 'Follow up when the visitor does not answer',
    'MessageCircle', 'blue', 'active', true, 'event',
    '{"event_source": "conversation", "event_type": "UPDATE", "columns": ["last_message_at"]}',
$json$[
  {"id": "trigger", "type": "trigger-event", "position": {"x": 0, "y": 120}, "measured": {"width": 220, "height": 72},
   "data": {"label": "The agent wrote", "config": {"eventSource": "conversation", "eventType": "UPDATE",
     "columns": ["last_message_at"], "conditions": {"logic": "and", "rules": [
       {"field": "new.status", "operator": "equals", "value": "open"},
       {"field": "new.last_message_role", "operator": "equals", "value": "assistant"}]}}},
   "selected": false, "dragging": false},
  {"id": "quiet", "type": "logic-delay", "position": {"x": 280, "y": 120}, "measured": {"width": 220, "height": 72},
   "data": {"label": "Wait a day", "config": {"duration": "{{ trigger.new.metadata.quiet_seconds | default(86400) }}",
     "unit": "seconds"}},
   "selected": false, "dragging": false},
  {"id": "still-quiet", "type": "logic-condition", "position": {"x": 560, "y": 120},
   "measured": {"width": 220, "height": 72},
   "data": {"label": "Still quiet?", "config": {"logic": "and", "rules": [
     {"field": "conversation.status", "operator": "equals", "value": "open"},
     {"field": "conversation.last_message_role", "operator": "equals", "value": "assistant"}]}},
   "selected": false, "dragging": false},
  {"id": "mark", "type": "action-db", "position": {"x": 840, "y": 40}, "measured": {"width": 220, "height": 72},
   "data": {"label": "Once only", "config": {"operation": "update", "table": "conversations",
     "where": {"id": "{{ trigger.new.id }}"}, "values": {"status": "followed_up"}}},
   "selected": false, "dragging": false},
  {"id": "follow-up", "type": "action-send-message", "position": {"x": 1120, "y": 40},
   "measured": {"width": 220, "height": 72},
   "data": {"label": "Follow up", "config": {"conversationId": "{{ trigger.new.id }}", "role": "assistant",
     "content": "Hello {{ lead.name | default('there') }}, is there anything else that you would like to know?"}},
   "selected": false, "dragging": false},
  {"id": "answered", "type": "logic-stop", "position": {"x": 840, "y": 240}, "measured": {"width": 220, "height": 72},
   "data": {"label": "Nothing to do", "config": {"status": "success", "message": "The visitor answered.",
     "output": {"followed_up": false}}},
   "selected": false, "dragging": false},
  {"id": "note-1", "type": "note", "position": {"x": 560, "y": -60}, "measured": {"width": 260, "height": 120},
   "data": {"text": "A visitor who answers opens the conversation again, and the next silence counts anew."},
   "selected": false, "dragging": false}
]$json$,
$json$[
  {"id": "xy-edge__trigger-quiet", "source": "trigger", "target": "quiet", "sourceHandle": null, "targetHandle": null,
   "type": "smoothstep", "animated": false, "style": {"strokeWidth": 2}},
  {"id": "xy-edge__quiet-still-quiet", "source": "quiet", "target": "still-quiet", "sourceHandle": null,
   "targetHandle": null, "type": "smoothstep", "animated": true, "style": {"strokeWidth": 2}},
  {"id": "xy-edge__still-quiettrue-mark", "source": "still-quiet", "target": "mark", "sourceHandle": "true",
   "targetHandle": null, "type": "smoothstep", "animated": false, "style": {"strokeWidth": 2, "stroke": "#16a34a"}},
  {"id": "xy-edge__still-quietfalse-answered", "source": "still-quiet", "target": "answered", "sourceHandle": "false",
   "targetHandle": null, "type": "smoothstep", "animated": false, "style": {"strokeWidth": 2, "stroke": "#dc2626"}},
  {"id": "xy-edge__mark-follow-up", "source": "mark", "target": "follow-up", "sourceHandle": null,
   "targetHandle": null, "type": "smoothstep", "animated": false, "style": {"strokeWidth": 2}}
]$json$,
    '{"x": 40, "y": 120, "zoom": 0.8}')
ON CONFLICT (id) DO NOTHING;
