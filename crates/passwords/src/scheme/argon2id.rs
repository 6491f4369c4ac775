//! Argon2 (RFC 9106), in PHC string form: `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use subtle::ConstantTimeEq as _;

use super::Unsupported;

/// What we write: 19 MiB, two passes, one lane.
const MEMORY: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const HASH_LENGTH: usize = 32;
const SALT_LENGTH: usize = 16;

/// The most an imported hash may ask for: 256 MiB, and 1 GiB written in all its passes.
const MOST_MEMORY: u32 = 256 * 1024;
const MOST_WRITTEN: u32 = 1024 * 1024;
const MOST_LANES: u32 = 16;

/// Blocks kept between hashes; allocating them anew each time costs more than half as much as hashing.
#[derive(Default)]
pub(crate) struct Memory(Vec<Block>);

impl Memory {
    fn blocks(&mut self, count: usize) -> Option<&mut [Block]> {
        if self.0.len() < count {
            self.0.try_reserve_exact(count - self.0.len()).ok()?;
            self.0.resize(count, Block::new());
        }
        self.0.get_mut(..count)
    }

    /// Gives back what is more than our own hash needs.
    pub(crate) fn shrink(&mut self) {
        let usual = usize::try_from(MEMORY).unwrap_or(0);
        if self.0.len() > usual {
            self.0.truncate(usual);
            self.0.shrink_to_fit();
        }
    }

    /// Gives everything back.
    pub(crate) fn release(&mut self) {
        self.0 = Vec::new();
    }
}

#[derive(Clone)]
pub(crate) struct Argon2Hash {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Argon2Hash {
    pub(super) fn read(text: &str) -> Result<Self, Unsupported> {
        let mut fields = text.split('$').skip(1);
        let algorithm = match fields.next() {
            Some("argon2id") => Algorithm::Argon2id,
            Some("argon2i") => Algorithm::Argon2i,
            Some("argon2d") => Algorithm::Argon2d,
            Some(_) | None => return Err(Unsupported::Scheme),
        };
        let mut next = || fields.next().ok_or(Unsupported::Malformed);
        let field = next()?;
        // Texts from before version 1.3 name none.
        let (version, costs) = match field.strip_prefix("v=") {
            Some("19") => (Version::V0x13, next()?),
            Some("16") => (Version::V0x10, next()?),
            Some(_) => return Err(Unsupported::Malformed),
            None => (Version::V0x10, field),
        };
        let (salt, hash) = (bytes(next()?, 8..=64)?, bytes(next()?, 16..=64)?);
        if fields.next().is_some() {
            return Err(Unsupported::Malformed);
        }
        let params = read_costs(costs, hash.len())?;
        Ok(Self { algorithm, version, params, salt, hash })
    }

    pub(super) fn nobody() -> Self {
        Self {
            algorithm: Algorithm::Argon2id,
            version: Version::V0x13,
            params: own_params().unwrap_or(Params::DEFAULT),
            salt: vec![0; SALT_LENGTH],
            hash: vec![0; HASH_LENGTH],
        }
    }

    pub(super) fn matches(&self, password: &[u8], memory: &mut Memory) -> bool {
        compute(self.algorithm, self.version, &self.params, (password, &self.salt), memory)
            .is_some_and(|hash| hash.ct_eq(&self.hash).into())
    }

    pub(super) fn is_weak(&self) -> bool {
        self.algorithm != Algorithm::Argon2id
            || self.version != Version::V0x13
            || self.params.m_cost() < MEMORY
            || self.params.t_cost() < PASSES
            || self.hash.len() < HASH_LENGTH
            || self.salt.len() < SALT_LENGTH
    }
}

pub(super) fn hash(password: &[u8], salt: &[u8; SALT_LENGTH], memory: &mut Memory) -> Option<String> {
    let hash =
        compute(Algorithm::Argon2id, Version::V0x13, &own_params()?, (password, salt.as_slice()), memory)?;
    let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
    Some(format!("$argon2id$v=19$m={MEMORY},t={PASSES},p={LANES}${salt}${hash}"))
}

fn own_params() -> Option<Params> {
    Params::new(MEMORY, PASSES, LANES, Some(HASH_LENGTH)).ok()
}

fn compute(
    algorithm: Algorithm,
    version: Version,
    params: &Params,
    (password, salt): (&[u8], &[u8]),
    memory: &mut Memory,
) -> Option<Vec<u8>> {
    let blocks = memory.blocks(params.block_count())?;
    let mut hash = vec![0; params.output_len().unwrap_or(HASH_LENGTH)];
    let argon2 = Argon2::new(algorithm, version, params.clone());
    argon2.hash_password_into_with_memory(password, salt, &mut hash, blocks).ok()?;
    Some(hash)
}

/// `m=…,t=…,p=…` in this order, as every implementation writes them.
fn read_costs(text: &str, hash_length: usize) -> Result<Params, Unsupported> {
    let mut costs = text.split(',');
    let mut cost = |name: &str| {
        let text = costs.next().and_then(|part| part.strip_prefix(name)).ok_or(Unsupported::Malformed)?;
        let is_plain = !text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
        if is_plain {
            text.parse::<u32>().map_err(|_| Unsupported::Malformed)
        } else {
            Err(Unsupported::Malformed)
        }
    };
    let (memory, passes, lanes) = (cost("m=")?, cost("t=")?, cost("p=")?);
    if costs.next().is_some() {
        return Err(Unsupported::Malformed);
    }
    if memory > MOST_MEMORY || memory.saturating_mul(passes) > MOST_WRITTEN || lanes > MOST_LANES {
        return Err(Unsupported::TooCostly);
    }
    Params::new(memory, passes, lanes, Some(hash_length)).map_err(|_| Unsupported::Malformed)
}

fn bytes(text: &str, length: std::ops::RangeInclusive<usize>) -> Result<Vec<u8>, Unsupported> {
    STANDARD_NO_PAD
        .decode(text)
        .ok()
        .filter(|bytes| length.contains(&bytes.len()))
        .ok_or(Unsupported::Malformed)
}
