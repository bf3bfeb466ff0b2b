//! Customers' webhooks: their endpoints, what didn't get through to them, who has a backlog, what is sent again.
//! Nothing is written for an event that gets through at once, but for counts by the hour.

mod backlogs;
mod counts;
mod deliveries;
mod endpoints;
mod replays;

pub use self::{
    backlogs::{Backlog, Backlogs},
    counts::{Counts, DeliveryCounts},
    deliveries::{Deliveries, Parked},
    endpoints::{Endpoints, KeptEndpoint, KeptSecret, MOST},
    replays::{Replay, ReplayState, Replays},
};
