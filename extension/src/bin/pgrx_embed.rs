//! Entry point of the SQL generator of pgrx.
::pgrx::pgrx_embed!();
