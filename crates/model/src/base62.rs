//! Numbers in letters and digits, in an order that is also the order of their letters.

/// The digits; each sorts after those that are less.
pub const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The last `N` digits of a number, with zeros before a shorter one.
#[must_use]
pub fn digits<const N: usize>(mut number: u64) -> [u8; N] {
    let mut digits = [b'0'; N];
    for digit in digits.iter_mut().rev() {
        *digit = usize::try_from(number % 62).ok().and_then(|at| DIGITS.get(at)).copied().unwrap_or(b'0');
        number /= 62;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_sort_as_their_letters_do() {
        let numbers = [0, 1, 9, 10, 35, 36, 61, 62, 3_843, 3_844, 1_700_000_000_000, 1_700_000_000_001];
        let written: Vec<[u8; 8]> = numbers.into_iter().map(digits).collect();
        assert!(written.is_sorted() && written.first() == Some(b"00000000"));
        assert_eq!(&digits::<2>(3_843 + 3_844), b"zz", "the last digits");
    }
}
