//! When marketing may reach somebody: by which rule and in which zones a number is (`key`), and whether it is that time (`open`).
//! A number may be in several zones: it is sent to when the window is open in all of them.

mod key;
mod open;
#[cfg(test)]
mod tests;
mod week;

pub use key::{HoursKey, hours_key, zone_of};
pub use open::{Hours, Opening, UnreadableHours};
pub use week::{UnreadableWeek, Week, Window};
