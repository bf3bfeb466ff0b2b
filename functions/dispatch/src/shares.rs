//! Who may release how much in a second: equal shares over accounts, whatever each has waiting, so that a large one delays no small one.

/// Splits `budget` over `wanted` (one entry an account), starting the last leftovers at `first`.
pub fn share(budget: u32, wanted: &[u32], first: usize) -> Vec<u32> {
    let mut granted = vec![0; wanted.len()];
    let mut left = budget;
    loop {
        let hungry: Vec<usize> = (0..wanted.len())
            .map(|index| (index + first) % wanted.len())
            .filter(|index| granted[*index] < wanted[*index])
            .collect();
        let Ok(accounts) = u32::try_from(hungry.len()) else {
            return granted;
        };
        if accounts == 0 || left == 0 {
            return granted;
        }
        // What one account leaves goes to the others in the next round; the last few go one by one.
        let each = (left / accounts).max(1);
        for index in hungry {
            let grant = each.min(wanted[index] - granted[index]).min(left);
            granted[index] += grant;
            left -= grant;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_account_delays_no_small_one() {
        for (name, budget, wanted, first, expected) in [
            ("all fit", 100, vec![10, 20], 0, vec![10, 20]),
            (
                "a small one is served whole",
                100,
                vec![10_000, 10],
                0,
                vec![90, 10],
            ),
            (
                "equal shares of what is left",
                100,
                vec![10_000, 10_000, 10],
                0,
                vec![45, 45, 10],
            ),
            ("leftovers go round", 2, vec![5, 5, 5], 2, vec![1, 0, 1]),
            ("nothing to give", 0, vec![5], 0, vec![0]),
            ("nobody", 10, vec![], 0, vec![]),
        ] {
            assert_eq!(share(budget, &wanted, first), expected, "{name}");
        }
    }
}
