//! `[compatibility]`: addresses that clients know which were written for somebody else.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Addresses for clients that were written for another server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RawCompatibility {
    /// Whether GitHub's are served: `/login/oauth/authorize`, `/login/oauth/access_token`, `/login/device/code`, `/user` and
    /// `/applications/…/token`, for clients of the profile `github`. Default: no.
    pub github: bool,
}
