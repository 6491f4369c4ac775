//! Every password hash we read, the one we write, and the limit on how many are computed at once.
