-- The indexes of the history. The one on status holds only what is not final: a full one would be written for
-- each of the millions of rows that only ever end.
CREATE INDEX IF NOT EXISTS idx_executions_automation ON public.automation_executions (automation_id);
CREATE INDEX IF NOT EXISTS idx_executions_status ON public.automation_executions (status)
    WHERE status IN ('pending', 'running', 'waiting');
CREATE INDEX IF NOT EXISTS idx_executions_started ON public.automation_executions (started_at DESC);
CREATE INDEX IF NOT EXISTS idx_executions_lead ON public.automation_executions (lead_id)
    WHERE lead_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_executions_conversation ON public.automation_executions (conversation_id)
    WHERE conversation_id IS NOT NULL;
-- Whether an execution has been retried.
CREATE INDEX IF NOT EXISTS idx_executions_retry_of ON public.automation_executions (retry_of)
    WHERE retry_of IS NOT NULL;
