//! What a route asks for, as data, and the pure function that compares it with who is calling.

pub(crate) mod decide;
pub(crate) mod matcher;
pub(crate) mod rule;
pub(crate) mod settings;
