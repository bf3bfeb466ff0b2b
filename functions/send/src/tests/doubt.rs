//! A call that nobody answered, from the socket to the ledger.

use carillon_core::{
    batch::DoubtPolicy,
    chunk::{ChunkState, slot::SlotOutcome},
};

use super::gateway::{Ability, FakeGateway, Says, Sending};

#[tokio::test]
async fn each_doubt_ends_as_its_gateway_and_its_policy_allow() {
    use {Ability as Can, DoubtPolicy as Policy, SlotOutcome as End};
    let twice = [Says::Nothing, Says::Accepted];
    for (name, ability, policy, answers, question, end, tries, resent) in [
        (
            "nobody can tell",
            Can::Nothing,
            Policy::AtMostOnce,
            &twice[..1],
            Says::SomethingElse,
            End::Unknown,
            &[1][..],
            false,
        ),
        (
            "once more",
            Can::Nothing,
            Policy::AtLeastOnce,
            &twice[..],
            Says::SomethingElse,
            End::Accepted,
            &[1, 1][..],
            true,
        ),
        (
            "once more, and no more",
            Can::Nothing,
            Policy::AtLeastOnce,
            &[Says::Nothing; 2][..],
            Says::SomethingElse,
            End::Unknown,
            &[1, 1][..],
            true,
        ),
        (
            "the same id again",
            Can::Deduplicates,
            Policy::AtMostOnce,
            &twice[..],
            Says::SomethingElse,
            End::Accepted,
            &[1, 1][..],
            false,
        ),
        (
            "asked, and there",
            Can::Answers,
            Policy::AtMostOnce,
            &twice[..1],
            Says::Accepted,
            End::Accepted,
            &[1][..],
            false,
        ),
        (
            "asked, and not there",
            Can::Answers,
            Policy::AtMostOnce,
            &twice[..],
            Says::NeverHeardOf,
            End::Accepted,
            &[1, 2][..],
            false,
        ),
        (
            "asked, and there, at least once",
            Can::Answers,
            Policy::AtLeastOnce,
            &twice[..1],
            Says::Accepted,
            End::Accepted,
            &[1][..],
            false,
        ),
    ] {
        let gateway = FakeGateway::new(answers, question);
        let sending = Sending::by(&[(&gateway, ability)], policy, 1).await;

        let (chunk, slot) = sending.work().await;

        assert_eq!(
            (chunk.state, slot.outcome),
            (ChunkState::Done, end),
            "{name}"
        );
        assert_eq!(slot.resent, resent, "{name}");
        let ids = gateway.ids();
        let seen: Vec<u8> = ids
            .iter()
            .map(|id| id.rsplit_once('.').unwrap().1.parse().unwrap())
            .collect();
        assert_eq!(seen, tries, "{name}");
    }
}

#[tokio::test]
async fn without_a_clear_answer_the_chunk_is_parked_and_keeps_the_time() {
    let gateway = FakeGateway::new(&[Says::Nothing], Says::SomethingElse);
    let sending = Sending::by(&[(&gateway, Ability::Answers)], DoubtPolicy::AtLeastOnce, 1).await;

    let (chunk, slot) = sending.work().await;

    assert_eq!(
        (chunk.state, slot.outcome),
        (ChunkState::Parked, SlotOutcome::Doubt)
    );
    assert!(chunk.window.open.is_none());
    assert!(chunk.window.doubt_since.is_some());
}
