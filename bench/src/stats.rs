//! Minimum, median and maximum of what the rounds gave, ratios of two such series, and percentiles within a round.

use serde::Serialize;

/// What is said about a series. Not the mean: one disturbed round must not move the number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The smallest.
    pub min: f64,
    /// The middle one; of an even number the mean of the two in the middle.
    pub median: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Of a series.
    ///
    /// # Panics
    /// If it is empty or holds something that is no number: then something was not measured.
    pub fn of(series: &[f64]) -> Spread {
        assert!(!series.is_empty(), "nothing was measured");
        let sorted = sorted(series);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        };
        Spread {
            min: sorted[0],
            median,
            max: sorted[sorted.len() - 1],
        }
    }
}

/// Round by round, ours divided by the yardstick's of the same round: what disturbs a round disturbs both.
///
/// # Panics
/// If the series differ in length, or a yardstick is zero.
pub fn ratios(ours: &[f64], yardstick: &[f64]) -> Vec<f64> {
    assert_eq!(ours.len(), yardstick.len(), "rounds without a counterpart");
    let pairs = ours.iter().zip(yardstick);
    pairs
        .map(|(our, other)| {
            assert!(*other != 0.0, "a yardstick of zero");
            our / other
        })
        .collect()
}

/// The value that so many percent of the series do not exceed (nearest rank).
///
/// # Panics
/// As [`Spread::of`].
pub fn percentile(series: &[f64], percent: f64) -> f64 {
    assert!(!series.is_empty(), "nothing was measured");
    let sorted = sorted(series);
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

fn sorted(series: &[f64]) -> Vec<f64> {
    assert!(
        series.iter().all(|value| value.is_finite()),
        "no number: {series:?}"
    );
    let mut sorted = series.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_odd_number_is_the_middle_one_whatever_the_order() {
        let spread = Spread::of(&[9.0, 1.0, 2.0]);
        assert_eq!((spread.min, spread.median, spread.max), (1.0, 2.0, 9.0));
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        assert_eq!(Spread::of(&[4.0, 1.0, 2.0, 100.0]).median, 3.0);
        assert_eq!(Spread::of(&[5.0]).median, 5.0);
    }

    #[test]
    fn a_ratio_compares_each_round_with_its_own_yardstick() {
        // the machine was half as fast in the second round, and the ratio does not notice
        assert_eq!(ratios(&[50.0, 25.0], &[100.0, 50.0]), [0.5, 0.5]);
    }

    #[test]
    #[should_panic(expected = "rounds without a counterpart")]
    fn a_round_that_has_no_yardstick_is_refused() {
        ratios(&[1.0, 2.0], &[1.0]);
    }

    #[test]
    #[should_panic(expected = "a yardstick of zero")]
    fn a_yardstick_of_zero_is_refused() {
        ratios(&[1.0], &[0.0]);
    }

    #[test]
    #[should_panic(expected = "nothing was measured")]
    fn nothing_measured_is_no_number() {
        Spread::of(&[]);
    }

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let series: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(percentile(&series, 50.0), 50.0);
        assert_eq!(percentile(&series, 99.0), 99.0);
        assert_eq!(percentile(&series, 100.0), 100.0);
        assert_eq!(percentile(&series, 0.0), 1.0);
        assert_eq!(percentile(&[7.0], 99.0), 7.0);
    }
}
