//! Chance that repeats: each draw is a function of the seed, of what is drawn for, and of the number.

/// A point in [0, 1).
pub fn point(seed: u64, salt: u64, of: u64) -> f64 {
    let high = u32::try_from(scatter(seed, salt, of) >> 32).expect("32 bits are left");
    f64::from(high) / (f64::from(u32::MAX) + 1.0)
}

/// A whole number between the two, both included.
pub fn between([from, to]: [u64; 2], seed: u64, salt: u64, of: u64) -> u64 {
    let width = to.saturating_sub(from).saturating_add(1);
    from + scatter(seed, salt, of) % width
}

fn scatter(seed: u64, salt: u64, of: u64) -> u64 {
    finish(finish(finish(seed).wrapping_add(salt)).wrapping_add(of))
}

/// One step of splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
fn finish(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_numbers_fall_evenly() {
        let hits = (0..100_000)
            .filter(|n| point(7, 1, 447_400_000_000 + n) < 0.03)
            .count();

        assert!((2_850..=3_150).contains(&hits), "{hits}");
    }

    #[test]
    fn a_range_is_filled_to_both_ends_and_never_left() {
        let drawn: Vec<u64> = (0..1_000).map(|n| between([3, 5], 0, 0, n)).collect();

        for value in 3..=5 {
            assert!(drawn.contains(&value), "{value}");
        }
        assert!(drawn.iter().all(|value| (3..=5).contains(value)));
    }

    #[test]
    fn seed_and_salt_change_the_draw() {
        let drawn = point(1, 1, 42);

        assert!((point(1, 1, 42) - drawn).abs() < f64::EPSILON);
        assert!((point(2, 1, 42) - drawn).abs() > f64::EPSILON);
        assert!((point(1, 2, 42) - drawn).abs() > f64::EPSILON);
    }
}
