//! Numbers of a country are led away from a gateway account that delivers less there than others do: in small steps, back in smaller
//! ones, and never all the way, so that it can show that it is well again.

/// What reports said in the last while about messages of one gateway account to one country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Deliveries {
    pub delivered: u64,
    /// Undelivered, failed, expired.
    pub failed: u64,
}

/// Tenths of a country's numbers that go elsewhere first, 0 to [`MOST`].
pub type Tenths = u8;

/// A tenth still goes by it.
pub const MOST: Tenths = 9;
/// Fewer reports say nothing.
const SAMPLE: u64 = 50;
/// Percent points behind the best: sick.
const SICK: u64 = 15;
/// Percent points behind the best at most: well.
const WELL: u64 = 5;
/// Where even the best delivers less, in percent, it isn't the gateways: nothing moves.
const ALL_SICK: u64 = 50;
const AWAY: Tenths = 2;
const BACK: Tenths = 1;

/// One step for each gateway account that goes to a country: what its tenths are now, and what was reported.
pub fn step(accounts: &[(Tenths, Deliveries)]) -> Vec<Tenths> {
    let best = accounts
        .iter()
        .filter_map(|(_, reported)| reported.percent())
        .max();
    let next = |(tenths, reported): &(Tenths, Deliveries)| match (reported.percent(), best) {
        _ if reported.is_nothing() => tenths.saturating_sub(BACK),
        (Some(_), Some(best)) if best < ALL_SICK => *tenths,
        (Some(percent), Some(best)) if percent + SICK < best => (tenths + AWAY).min(MOST),
        (Some(percent), Some(best)) if percent + WELL >= best => tenths.saturating_sub(BACK),
        _ => *tenths,
    };
    accounts.iter().map(next).collect()
}

impl Deliveries {
    /// `None` where there are too few to say.
    fn percent(self) -> Option<u64> {
        let all = self.delivered + self.failed;
        (all >= SAMPLE).then(|| self.delivered * 100 / all)
    }

    const fn is_nothing(self) -> bool {
        self.delivered + self.failed == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn reported(delivered: u64, failed: u64) -> Deliveries {
        Deliveries { delivered, failed }
    }

    #[test]
    fn a_step_leads_away_from_who_delivers_less_than_others() {
        for (name, accounts, expected) in [
            (
                "both are well",
                vec![(0, reported(95, 5)), (0, reported(93, 7))],
                vec![0, 0],
            ),
            (
                "one is sick",
                vec![(0, reported(95, 5)), (0, reported(60, 40))],
                vec![0, 2],
            ),
            (
                "it stays sick",
                vec![(0, reported(95, 5)), (8, reported(60, 40))],
                vec![0, 9],
            ),
            (
                "a tenth is left",
                vec![(0, reported(95, 5)), (9, reported(0, 99))],
                vec![0, 9],
            ),
            (
                "it is well again",
                vec![(0, reported(95, 5)), (9, reported(92, 8))],
                vec![0, 8],
            ),
            (
                "between sick and well nothing moves",
                vec![(0, reported(95, 5)), (4, reported(85, 15))],
                vec![0, 4],
            ),
            (
                "all are sick",
                vec![(0, reported(30, 70)), (0, reported(5, 95))],
                vec![0, 0],
            ),
            (
                "too few to say",
                vec![(0, reported(95, 5)), (4, reported(3, 9))],
                vec![0, 4],
            ),
            (
                "nothing was sent by it",
                vec![(0, reported(95, 5)), (4, reported(0, 0))],
                vec![0, 3],
            ),
            ("alone", vec![(0, reported(10, 90))], vec![0]),
        ] {
            assert_eq!(step(&accounts), expected, "{name}");
        }
    }
}
