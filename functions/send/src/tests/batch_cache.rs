//! How long a batch is believed.

use carillon_core::batch::Control;
use carillon_testkit::build;
use jiff::{SignedDuration, Timestamp};

use super::Setup;

#[tokio::test]
async fn a_pause_is_seen_after_two_seconds() {
    let (setup, now) = (Setup::new().await, Timestamp::now());
    let terms = build::terms(now);
    let id = terms.id;
    setup.batch(terms, &[15_005_550_010]).await;
    let control = async |seconds| {
        let later = now + SignedDuration::from_secs(seconds);
        let look = setup.state.batches.look(id, later).await;
        look.unwrap().unwrap().1
    };

    let running = control(0).await;
    setup.batches.control(id, Control::Paused).await.unwrap();

    assert_eq!(running, Control::Running);
    assert_eq!(control(1).await, Control::Running);
    assert_eq!(control(2).await, Control::Paused);
}

#[tokio::test]
async fn a_batch_that_is_not_there_is_none() {
    let setup = Setup::new().await;

    let look = setup
        .state
        .batches
        .look(build::id(), Timestamp::now())
        .await;

    assert!(look.unwrap().is_none());
}
