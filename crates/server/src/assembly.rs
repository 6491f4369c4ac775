//! Puts together what every handler shares.

use std::sync::Arc;

use url::Url;

use crate::cookies::Cookies;
use crate::endpoints::{approvals_api, discovery, github, openapi, userinfo};
use crate::last_crl::LastCrl;
use crate::last_jwks::LastJwks;
use crate::pages::Frame;
use crate::rate_limits::RateLimiter;
use crate::settings::ServerSettings;
use crate::state::{AppState, Inner, Services};
use crate::throttle::Throttle;

impl AppState {
    /// Puts everything together.
    #[must_use]
    pub fn new(settings: ServerSettings, services: Services) -> Self {
        let issuer = &services.engine.settings().issuer;
        // The engine has checked that the issuer is a URL with a host.
        let url = Url::parse(issuer).ok();
        let scheme = url.as_ref().map_or("https", Url::scheme);
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
        let port = url.as_ref().and_then(Url::port).map_or_else(String::new, |port| format!(":{port}"));
        let base = url.as_ref().map_or("", Url::path).trim_end_matches('/');
        let host = format!("{host}{port}");
        Self(Arc::new(Inner {
            frame: Frame::new(base, &host),
            cookies: Cookies::new(scheme == "https"),
            origin: format!("{scheme}://{host}"),
            throttle: Throttle::new(),
            registrations: settings.registrations_per_hour.pace(),
            rates: RateLimiter::new(settings.rates),
            openapi: openapi::document(issuer),
            code_throttle: Throttle::of_accounts(),
            last_crl: LastCrl::default(),
            last_jwks: LastJwks::default(),
            metadata: discovery::document(&services.engine),
            userinfo_rule: userinfo::rule(&services.engine),
            approvals_rule: approvals_api::rule(&services.engine),
            github_user_rule: github::user::rule(&services.engine),
            settings,
            services,
        }))
    }
}
