//! The data plane: routes, request hygiene, the reverse proxy and the identity it passes on.
