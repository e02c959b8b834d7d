-- "New lead": scores every lead that comes in, announces a hot one by HTTP and writes the score back. As the editor
-- saves it. The address is the lead's own `metadata.hook_url` where it has one, which is how a demonstration or a
-- test points it at a receiver of its own (and allows that host to the daemon with --allow-hosts); without it
-- https://hooks.example/leads, which does not exist: then the lead is updated by way of the `error` handle.
INSERT INTO public.automations (
    id, agent_id, user_id, name, description, icon, color, status, enabled, trigger_type, trigger_config, nodes, edges,
    viewport)
VALUES (
    'a0000000-0000-4000-8000-000000000041', 'a0000000-0000-4000-8000-000000000010',
    'a0000000-0000-4000-8000-0000000000a1', 'New lead', 'Score it; if it is hot, tell everybody', 'Flame', 'orange',
    'active', true, 'event', '{"event_source": "lead", "event_type": "INSERT"}',
$json$[
  {"id": "trigger", "type": "trigger-event", "position": {"x": 0, "y": 160}, "measured": {"width": 220, "height": 72},
   "data": {"label": "A lead comes in", "config": {"eventSource": "lead", "eventType": "INSERT"}},
   "selected": false, "dragging": false},
  {"id": "score", "type": "transform-set-variable", "position": {"x": 280, "y": 160},
   "measured": {"width": 220, "height": 72},
   "data": {"label": "Score it", "config": {"variables": [
     {"name": "score", "type": "number", "value": "{{ 20 + (40 if trigger.new.source == 'referral' else 0) + (20 if trigger.new.phone else 0) + (20 if trigger.new.company else 0) }}"}]}},
   "selected": false, "dragging": false},
  {"id": "hot", "type": "logic-condition", "position": {"x": 560, "y": 160}, "measured": {"width": 220, "height": 72},
   "data": {"label": "Hot?", "config": {"logic": "and", "rules": [
     {"field": "vars.score", "operator": "gte", "value": 60}]}},
   "selected": false, "dragging": false},
  {"id": "announce", "type": "action-http", "position": {"x": 840, "y": 40}, "measured": {"width": 220, "height": 72},
   "data": {"label": "Tell everybody", "retry": {"maxAttempts": 2, "backoff": "fixed", "initialMs": 500}, "config": {
     "method": "POST", "url": "{{ lead.metadata.hook_url | default('https://hooks.example/leads') }}",
     "bodyType": "json", "timeout": 5000,
     "body": {"text": "{{ lead.name | default('Somebody') }} is hot ({{ vars.score }})", "lead_id": "{{ trigger.new.id }}",
              "score": "{{ vars.score }}", "source": "{{ trigger.new.source }}"}}},
   "selected": false, "dragging": false},
  {"id": "mark-hot", "type": "action-update-lead", "position": {"x": 1120, "y": 0},
   "measured": {"width": 220, "height": 72},
   "data": {"label": "Mark it hot", "config": {"updates": {"status": "hot", "score": "{{ vars.score }}",
     "notes": "Announced at {{ env.now }}"}}},
   "selected": false, "dragging": false},
  {"id": "mark-unannounced", "type": "action-update-lead", "position": {"x": 1120, "y": 120},
   "measured": {"width": 220, "height": 72},
   "data": {"label": "Mark it hot, not announced", "config": {"updates": {"status": "hot", "score": "{{ vars.score }}",
     "notes": "Not announced: {{ nodes['announce'].error.message }}"}}},
   "selected": false, "dragging": false},
  {"id": "keep-score", "type": "action-update-lead", "position": {"x": 840, "y": 280},
   "measured": {"width": 220, "height": 72},
   "data": {"label": "Keep the score", "config": {"updates": {"score": "{{ vars.score }}"}}},
   "selected": false, "dragging": false}
]$json$,
$json$[
  {"id": "xy-edge__trigger-score", "source": "trigger", "target": "score", "sourceHandle": null, "targetHandle": null,
   "type": "smoothstep", "animated": false, "style": {"strokeWidth": 2}},
  {"id": "xy-edge__score-hot", "source": "score", "target": "hot", "sourceHandle": null, "targetHandle": null,
   "type": "smoothstep", "animated": false, "style": {"strokeWidth": 2}},
  {"id": "xy-edge__hottrue-announce", "source": "hot", "target": "announce", "sourceHandle": "true",
   "targetHandle": null, "type": "smoothstep", "animated": false, "style": {"strokeWidth": 2, "stroke": "#16a34a"}},
  {"id": "xy-edge__hotfalse-keep-score", "source": "hot", "target": "keep-score", "sourceHandle": "false",
   "targetHandle": null, "type": "smoothstep", "animated": false, "style": {"strokeWidth": 2, "stroke": "#dc2626"}},
  {"id": "xy-edge__announce-mark-hot", "source": "announce", "target": "mark-hot", "sourceHandle": "success",
   "targetHandle": null, "type": "smoothstep", "animated": false, "style": {"strokeWidth": 2}},
  {"id": "xy-edge__announceerror-mark-unannounced", "source": "announce", "target": "mark-unannounced",
   "sourceHandle": "error", "targetHandle": null, "type": "smoothstep", "animated": false,
   "style": {"strokeWidth": 2, "stroke": "#dc2626", "strokeDasharray": "5 5"}}
]$json$,
    '{"x": 40, "y": 80, "zoom": 0.75}')
ON CONFLICT (id) DO NOTHING;
