-- A new message belongs to the account of its agent, and its conversation remembers who spoke last.
CREATE OR REPLACE FUNCTION public.fill_message_account() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.user_id IS NULL THEN
        NEW.user_id := (SELECT g.user_id FROM public.conversations c JOIN public.agents g ON g.id = c.agent_id
                         WHERE c.id = NEW.conversation_id);
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE FUNCTION public.note_message() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE public.conversations c
       SET last_message_at = NEW.created_at, last_message_role = NEW.role,
           -- a visitor who answers opens the conversation again
           status = CASE WHEN NEW.role = 'user' THEN 'open' ELSE c.status END
     WHERE c.id = NEW.conversation_id;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER fill_message_account BEFORE INSERT ON public.messages
    FOR EACH ROW EXECUTE FUNCTION public.fill_message_account();
CREATE OR REPLACE TRIGGER note_message AFTER INSERT ON public.messages
    FOR EACH ROW EXECUTE FUNCTION public.note_message();
