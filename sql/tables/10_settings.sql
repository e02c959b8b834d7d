-- What the installation knows about itself and its host: one named value per row, written by install(),
-- adopt() and operators. A row and not a session setting, because a session could change the latter (D9).
CREATE TABLE IF NOT EXISTS automations.settings (
    name  text PRIMARY KEY,
    value jsonb NOT NULL
);
COMMENT ON TABLE automations.settings IS
    'tenant_role, host tables, identity of the server (a copy starts paused), limits; one row each';
ALTER TABLE automations.settings ENABLE ROW LEVEL SECURITY;
