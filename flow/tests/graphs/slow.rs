//! The reference: the rules of DESIGN section 5 as slow and obvious code. It shares nothing with `flow`.

mod ending;
mod net;
mod run;
mod scope;

pub use run::run;
