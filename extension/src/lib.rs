//! The extension `automations`: what SQL cannot do, and the packing of `sql/`.
::pgrx::pg_module_magic!(name, version);
