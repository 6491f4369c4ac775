//! JOSE from outside: vectors written by others, another implementation as a judge, and input nobody meant.

#[cfg(test)]
mod cookbook;
#[cfg(test)]
mod differential;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod wycheproof;
