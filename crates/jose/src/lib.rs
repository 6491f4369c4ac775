//! JWS, JWE, JWK and JWT with explicit algorithms. No HTTP, no clock of its own.
