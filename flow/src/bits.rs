//! A set of nodes as bits, by their positions in the order of ids: "can still reach" is an AND of words.

/// A set of numbers below a fixed bound.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Bits(Box<[u64]>);

impl Bits {
    /// The empty set of numbers below `bound`.
    pub fn none(bound: usize) -> Bits {
        Bits(vec![0; bound.div_ceil(64)].into())
    }

    /// These numbers below `bound`.
    pub fn of(bound: usize, numbers: impl IntoIterator<Item = u32>) -> Bits {
        let mut bits = Bits::none(bound);
        for number in numbers {
            bits.insert(number);
        }
        bits
    }

    /// Whether it was new. A number beyond the bound is not taken.
    pub fn insert(&mut self, number: u32) -> bool {
        let Some(word) = self.0.get_mut(number as usize / 64) else {
            return false;
        };
        let bit = 1 << (number % 64);
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    pub fn remove(&mut self, number: u32) {
        if let Some(word) = self.0.get_mut(number as usize / 64) {
            *word &= !(1 << (number % 64));
        }
    }

    pub fn contains(&self, number: u32) -> bool {
        self.0
            .get(number as usize / 64)
            .is_some_and(|word| word & (1 << (number % 64)) != 0)
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().enumerate().flat_map(|(at, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros())?;
                left &= left - 1;
                Some(at as u32 * 64 + bit)
            })
        })
    }

    /// The least number that is in both.
    pub fn first_common(&self, other: &Bits) -> Option<u32> {
        let mut words = self.0.iter().zip(&other.0).enumerate();
        let (at, common) = words.find_map(|(at, (a, b))| (a & b != 0).then_some((at, a & b)))?;
        Some(at as u32 * 64 + common.trailing_zeros())
    }

    /// The least number that is in both and not in the third.
    pub fn first_common_but(&self, other: &Bits, but: &Bits) -> Option<u32> {
        let mut words = self.0.iter().zip(&other.0).zip(&but.0).enumerate();
        let found = |(at, ((a, b), c)): (usize, ((&u64, &u64), &u64))| {
            let common = a & b & !c;
            (common != 0).then(|| at as u32 * 64 + common.trailing_zeros())
        };
        words.find_map(found)
    }

    pub fn add(&mut self, other: &Bits) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a |= b);
    }

    pub fn keep(&mut self, other: &Bits) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a &= b);
    }

    pub fn take_away(&mut self, other: &Bits) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a &= !b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_know_what_is_in_them() {
        let mut a = Bits::of(200, [3, 64, 199, 3]);
        assert_eq!(a.iter().collect::<Vec<_>>(), [3, 64, 199]);
        assert_eq!(a.len(), 3);
        assert_eq!(a.first_common(&Bits::of(200, [65, 199])), Some(199));
        assert_eq!(a.first_common(&Bits::of(200, [65])), None);
        assert_eq!(
            a.first_common_but(&Bits::of(200, [3, 64]), &Bits::of(200, [3])),
            Some(64)
        );
        a.remove(64);
        a.take_away(&Bits::of(200, [3]));
        assert!(a.contains(199) && !a.contains(3) && !a.contains(64) && !a.contains(100_000));
        assert!(!a.insert(100_000) && !a.insert(199) && a.insert(0));
    }
}
