//! What people see: templates from `ui/`, rendered on the server, complete without JavaScript.

mod applications;
mod assets;
mod policy;

pub(crate) use applications::{
    ApplicationDeletePage, ApplicationDraft, ApplicationFormPage, ApplicationLine, ApplicationNewSecretPage,
    ApplicationPage, ApplicationSecretPage, ApplicationsPage, AuthorizationLine, AuthorizationPage,
    AuthorizationsPage,
};
pub(crate) use assets::ASSETS;
pub(crate) use policy::{Destinations, picture};

use askama::Template;
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, PRAGMA};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use countersign_model::Timestamp;
use countersign_oauth::DetailRequest;

/// What surrounds every page; made once.
pub(crate) struct Frame {
    /// The path below which everything is served; empty for an issuer without a path.
    pub(crate) base: String,
    /// The host people see in the address bar.
    pub(crate) host: String,
    /// Path of the style sheet.
    pub(crate) stylesheet: String,
    /// Path of the icon.
    pub(crate) icon: String,
    /// Path of the script that sends a form.
    pub(crate) form_post_script: String,
}

impl Frame {
    pub(crate) fn new(base: &str, host: &str) -> Self {
        let path = |name: &str| format!("{base}/assets/{name}");
        Self {
            base: base.to_owned(),
            host: host.to_owned(),
            stylesheet: path(&ASSETS.stylesheet.name),
            icon: path(&ASSETS.icon.name),
            form_post_script: path(&ASSETS.form_post_script.name),
        }
    }
}

/// The sign-in page.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub(crate) struct SignInPage<'a> {
    pub(crate) frame: &'a Frame,
    /// Who waits for the sign-in, if a client does.
    pub(crate) client: Option<&'a str>,
    /// The waiting request, if there is one.
    pub(crate) interaction: Option<&'a str>,
    pub(crate) csrf: &'a str,
    /// What was typed before.
    pub(crate) username: &'a str,
    pub(crate) problem: Option<Notice>,
    /// Whether the name and the password were looked at and refused.
    pub(crate) refused: bool,
    /// What else the form carries: which page of ours it is for.
    pub(crate) fields: Vec<(&'static str, String)>,
    /// What somebody signs in for when no client waits.
    pub(crate) purpose: &'static str,
}

/// Something a page has to say before anything else.
pub(crate) struct Notice {
    pub(crate) title: &'static str,
    pub(crate) text: String,
}

/// The consent page.
#[derive(Template)]
#[template(path = "consent.html")]
pub(crate) struct ConsentPage<'a> {
    pub(crate) frame: &'a Frame,
    pub(crate) client: &'a str,
    /// Its picture, where it may be shown.
    pub(crate) logo: Option<&'a str>,
    pub(crate) backing: Backing,
    /// What it tells of itself: what each address is, and the address.
    pub(crate) links: Vec<(&'static str, &'a str)>,
    /// Whether the answer stays on this device, where any program could call itself this client.
    pub(crate) on_this_device: bool,
    pub(crate) person: &'a str,
    pub(crate) username: &'a str,
    pub(crate) scopes: Vec<ScopeLine>,
    /// What is asked for in more words (RFC 9396).
    pub(crate) details: &'a [DetailRequest],
    /// Those that can't be left out, as the form sends them back.
    pub(crate) scope: &'a str,
    /// Where the answer goes.
    pub(crate) destination: &'a str,
    pub(crate) interaction: &'a str,
    pub(crate) csrf: &'a str,
}

/// The form by which the browser brings an answer to the client (OAuth 2.0 Form Post Response Mode §2): its script
/// sends it, and where there is none, a button does.
#[derive(Template)]
#[template(path = "form_post.html")]
pub(crate) struct FormPostPage<'a> {
    pub(crate) frame: &'a Frame,
    pub(crate) action: &'a str,
    pub(crate) fields: &'a [(&'static str, String)],
}

/// One scope, in plain words.
pub(crate) struct ScopeLine {
    pub(crate) name: String,
    pub(crate) words: String,
    pub(crate) choice: Choice,
}

/// Whether a person may leave a scope out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Choice {
    /// It goes with the rest.
    Fixed,
    /// They may, and have not.
    Ticked,
    /// They may, and did the last time.
    Unticked,
}

impl ScopeLine {
    pub(crate) fn is_fixed(&self) -> bool {
        self.choice == Choice::Fixed
    }

    pub(crate) fn is_ticked(&self) -> bool {
        self.choice == Choice::Ticked
    }
}

/// Whether any of them can be left out.
pub(crate) fn leaves_a_choice(scopes: &[ScopeLine]) -> bool {
    scopes.iter().any(|scope| !scope.is_fixed())
}

/// Who stands behind an application, as far as that is known here.
pub(crate) enum Backing {
    /// The operator registered it.
    Operator,
    /// Somebody with an account here did.
    Person(String),
    /// It registered itself, and nobody here vouches for its name.
    Itself,
    /// The host that speaks for it: it is known by its metadata document.
    Host(String),
}

impl Backing {
    /// The word for it in the pages' ids.
    fn mark(&self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Person(_) => "owner",
            Self::Itself => "unvouched",
            Self::Host(_) => "host",
        }
    }
}

/// What stands for a picture where there is none.
pub(crate) fn initial(name: &str) -> char {
    name.chars().find(|letter| letter.is_alphanumeric()).unwrap_or('·')
}

/// The page on which a device's code is typed (RFC 8628 §3.3).
#[derive(Template)]
#[template(path = "device.html")]
pub(crate) struct DevicePage<'a> {
    pub(crate) frame: &'a Frame,
    pub(crate) person: &'a str,
    pub(crate) username: &'a str,
    /// Where somebody else signs in.
    pub(crate) again: &'a str,
    /// What fills the field.
    pub(crate) user_code: &'a str,
    pub(crate) csrf: &'a str,
    pub(crate) problem: Option<Notice>,
    /// The picture that carries this page to a phone.
    pub(crate) qr: Option<String>,
}

/// The question whether a device may have what it asks for.
#[derive(Template)]
#[template(path = "device_confirm.html")]
pub(crate) struct DeviceConfirmPage<'a> {
    pub(crate) frame: &'a Frame,
    pub(crate) client: &'a str,
    pub(crate) backing: Backing,
    pub(crate) person: &'a str,
    pub(crate) username: &'a str,
    /// Where somebody else signs in.
    pub(crate) again: &'a str,
    pub(crate) user_code: &'a str,
    /// Where the device asked from.
    pub(crate) address: Option<String>,
    /// Whether that is the network the person is in.
    pub(crate) here: bool,
    pub(crate) since: Moment,
    pub(crate) scopes: Vec<ScopeLine>,
    /// The same, as the form sends them back.
    pub(crate) scope: &'a str,
    pub(crate) csrf: &'a str,
}

/// What became of it.
#[derive(Template)]
#[template(path = "device_done.html")]
pub(crate) struct DeviceDonePage<'a> {
    pub(crate) frame: &'a Frame,
    pub(crate) client: &'a str,
    pub(crate) allowed: bool,
}

/// The question before signing out.
#[derive(Template)]
#[template(path = "sign_out.html")]
pub(crate) struct SignOutPage<'a> {
    pub(crate) frame: &'a Frame,
    pub(crate) person: &'a str,
    pub(crate) csrf: &'a str,
    /// Whether that ends tokens too.
    pub(crate) revokes: bool,
}

/// After signing out.
#[derive(Template)]
#[template(path = "signed_out.html")]
pub(crate) struct SignedOutPage<'a> {
    pub(crate) frame: &'a Frame,
}

/// What went wrong, for people.
#[derive(Template)]
#[template(path = "error.html")]
pub(crate) struct ErrorPage<'a> {
    pub(crate) frame: &'a Frame,
    pub(crate) title: &'a str,
    pub(crate) text: &'a str,
    pub(crate) advice: Option<&'a str>,
    pub(crate) code: Option<&'a str>,
    pub(crate) detail: Option<&'a str>,
    pub(crate) request_id: &'a str,
}

/// What this server is.
#[derive(Template)]
#[template(path = "home.html")]
pub(crate) struct HomePage<'a> {
    pub(crate) frame: &'a Frame,
    pub(crate) issuer: &'a str,
    pub(crate) discovery: &'a str,
    pub(crate) jwks: &'a str,
}

/// Who is signed in.
#[derive(Template)]
#[template(path = "account.html")]
pub(crate) struct AccountPage<'a> {
    pub(crate) frame: &'a Frame,
    pub(crate) person: &'a str,
    pub(crate) username: &'a str,
    pub(crate) email: Option<&'a str>,
    pub(crate) email_verified: bool,
    /// Whether people may register applications.
    pub(crate) people_register: bool,
    pub(crate) since: Moment,
    pub(crate) until: Moment,
}

/// What waits for a person's approval.
#[derive(Template)]
#[template(path = "approvals.html")]
pub(crate) struct ApprovalsPage<'a> {
    pub(crate) frame: &'a Frame,
    pub(crate) person: &'a str,
    pub(crate) username: &'a str,
    /// Where they sign in again, or somebody else does.
    pub(crate) again: &'a str,
    /// What became of the last answer.
    pub(crate) notice: Option<Notice>,
    pub(crate) approvals: Vec<ApprovalLine>,
}

/// One request that waits.
pub(crate) struct ApprovalLine {
    pub(crate) id: String,
    pub(crate) client: String,
    pub(crate) backing: Backing,
    /// What the person's other screen shows.
    pub(crate) binding_message: Option<String>,
    /// Where it came from.
    pub(crate) address: Option<String>,
    pub(crate) since: Moment,
    pub(crate) until: Moment,
    pub(crate) scopes: Vec<ScopeLine>,
    /// Those of them that can't be left out, as the form sends them back.
    pub(crate) scope: String,
    /// Whether the person's sign-in is of the kind it asks for.
    pub(crate) is_met: bool,
    pub(crate) csrf: String,
}

/// A moment, for people and for machines.
pub(crate) struct Moment {
    pub(crate) human: String,
    pub(crate) machine: String,
}

impl Moment {
    /// In UTC: without a script the server can't know the reader's zone.
    pub(crate) fn new(moment: Timestamp) -> Self {
        match jiff::Timestamp::from_second(moment.seconds()) {
            Ok(moment) => Self {
                human: moment.strftime("%-d %B %Y, %H:%M UTC").to_string(),
                machine: moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            },
            Err(_) => Self { human: "never".to_owned(), machine: String::new() },
        }
    }
}

/// Renders a page with every header a page has.
pub(crate) fn page(status: StatusCode, template: &impl Template, destinations: &Destinations) -> Response {
    let Ok(html) = template.render() else {
        tracing::error!("a page could not be rendered");
        return crate::problem::problem(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the page could not be shown",
            None,
        );
    };
    let mut response = Response::new(Body::from(html));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert("content-security-policy", destinations.content_security_policy());
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    headers
        .insert("permissions-policy", HeaderValue::from_static("camera=(), geolocation=(), microphone=()"));
    // For browsers that know no frame-ancestors.
    headers.insert("x-frame-options", HeaderValue::from_static("DENY"));
    private(headers);
    response
}

/// Goes elsewhere by GET, whatever the method was: 303 (RFC 9700 §4.12: never 307, which would send a password along).
pub(crate) fn see_other(location: &str) -> Response {
    let Ok(location) = HeaderValue::from_str(location) else {
        tracing::error!("a redirect could not be written");
        return crate::problem::problem(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the redirect could not be written",
            None,
        );
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(LOCATION, location);
    private(response.headers_mut());
    response
}

fn private(headers: &mut HeaderMap) {
    headers.insert("referrer-policy", HeaderValue::from_static("no-referrer"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
}

#[cfg(test)]
mod tests;
