//! `max_age` (OpenID Connect Core §3.1.2.1): how long ago the person may have signed in.

use std::time::Duration;

use crate::{Error, Parameters};

pub(super) fn in_seconds(sent: &Parameters<'_>) -> Result<Option<Duration>, Error> {
    sent.one("max_age")
        .map(|text| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            let seconds = text.parse::<u32>().ok().filter(|_| digits);
            seconds.map(|seconds| Duration::from_secs(seconds.into())).ok_or(Error::Invalid("max_age"))
        })
        .transpose()
}
