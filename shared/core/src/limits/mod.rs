//! What keeps an account from sending too much, to the wrong places, or at all: pure decisions on what the caller has counted.
//!
//! | Limit | Asked | When what it goes by can't be read |
//! | --- | --- | --- |
//! | `frequency` | for marketing, by number, in `prepare` and for API sends | wait |
//! | `spend` | before each window, by its price | refuse: nothing is sent that nobody may pay for |
//! | `velocity` | for API sends, by number, block and country | let through: `spend` stands behind it |
//! | `switches` | before each window | refuse |
//! | `destinations` | when something is accepted, and before each window | refuse |

pub mod destinations;
pub mod frequency;
pub mod spend;
pub mod switches;
pub mod velocity;
