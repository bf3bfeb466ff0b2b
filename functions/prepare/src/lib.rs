//! Makes an audience into recipient files and ledger items. `preparation` does it with AWS; the rest knows nothing of it:
//! `rows` reads what was uploaded, `recipients` holds what remains of it, `parts` cuts that into frames.

pub mod frequency;
mod index;
pub mod parts;
pub mod payloads;
pub mod preparation;
pub mod problem;
pub mod recipients;
pub mod rejected;
mod retried;
pub mod rows;
pub mod source;
#[cfg(test)]
mod tests;
