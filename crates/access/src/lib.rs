//! Who is calling, and may they? One pipeline for every surface.

pub mod ports;
