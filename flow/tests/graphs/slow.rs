//! The reference: the rules of DESIGN section 5 as slow and obvious code. It shares nothing with `flow`.

mod net;
mod run;

pub use run::run;
