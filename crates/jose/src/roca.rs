//! RSA moduli of the generator whose keys can be factored (CVE-2017-15361): modulo small primes they are always powers
//! of 65537. A sound modulus passes for one about once in 2²⁷ times.

const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Whether the modulus bears the generator's mark.
pub(crate) fn is_vulnerable(modulus: &[u8]) -> bool {
    PRIMES.into_iter().all(|prime| {
        let remainder = modulus.iter().fold(0, |rest, byte| (rest << 8 | u32::from(*byte)) % prime);
        is_power(65_537 % prime, remainder, prime)
    })
}

/// Whether a power of the base leaves this remainder.
fn is_power(base: u32, remainder: u32, prime: u32) -> bool {
    let mut power = 1;
    for _ in 0..prime {
        if power == remainder {
            return true;
        }
        power = power * base % prime;
    }
    false
}
