//! The tests that run inside Postgres: the files of `pgrx-tests/`.
