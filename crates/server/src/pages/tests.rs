//! Every page is escaped, and holds nothing inline.

use super::*;

/// A page by name, as it is rendered for somebody.
type Rendered = (&'static str, String);

fn every_page(frame: &Frame) -> Vec<Rendered> {
    [signing_in(frame), asking(frame), of_a_person(frame), of_the_server(frame)].concat()
}

fn moment() -> Moment {
    Moment::new(Timestamp::from_seconds(1_790_000_000))
}

fn signing_in(frame: &Frame) -> Vec<Rendered> {
    let sign_in = SignInPage {
        frame,
        client: Some("<Invoice & Co>"),
        interaction: Some("abc"),
        csrf: "token",
        username: "",
        problem: None,
        refused: false,
        fields: Vec::new(),
        purpose: "to see your account",
    };
    let notice = Notice {
        title: "That did not work",
        text: "The user name or the password is not right. Check both and try again.".to_owned(),
    };
    let fresh = sign_in.render().unwrap();
    let refused = SignInPage { problem: Some(notice), username: "ada", refused: true, ..sign_in };
    let sign_out = SignOutPage { frame, person: "Ada Lovelace", csrf: "token", revokes: true };
    vec![
        ("sign_in", fresh),
        ("sign_in_refused", refused.render().unwrap()),
        ("sign_out", sign_out.render().unwrap()),
        ("signed_out", SignedOutPage { frame }.render().unwrap()),
    ]
}

fn asking(frame: &Frame) -> Vec<Rendered> {
    let scopes = ["Know who you are", "See your e-mail address", "Read your invoices"];
    let names = ["openid", "email", "invoices:read"];
    let scopes = names.iter().zip(scopes);
    let scopes = scopes.map(|(name, words)| ScopeLine {
        name: (*name).to_owned(),
        words: words.to_owned(),
        choice: Choice::Ticked,
    });
    let consent = ConsentPage {
        frame,
        client: "<Invoice & Co>",
        logo: Some("https://<evil>.example/logo"),
        backing: Backing::Host("<evil>.example".to_owned()),
        links: vec![("Website", "https://<evil>.example")],
        on_this_device: true,
        person: "Ada Lovelace",
        username: "ada",
        scopes: scopes.collect(),
        details: &[DetailRequest {
            words: "Pay 12.50 EUR to <Merchant>".to_owned(),
            fields: vec![("creditor".to_owned(), "<Merchant>".to_owned())],
        }],
        scope: "email invoices:read openid",
        destination: "https://invoices.example",
        interaction: "abc",
        csrf: "token",
    };
    vec![("consent", consent.render().unwrap())]
}

fn of_a_person(frame: &Frame) -> Vec<Rendered> {
    let account = AccountPage {
        frame,
        person: "Ada Lovelace",
        username: "ada",
        email: Some("ada@example.org"),
        email_verified: false,
        people_register: true,
        since: moment(),
        until: moment(),
    };
    let waits = ApprovalLine {
        id: "abc".to_owned(),
        client: "<Invoice & Co>".to_owned(),
        backing: Backing::Host("<evil>.example".to_owned()),
        binding_message: Some("<Merchant> 12".to_owned()),
        address: Some("192.0.2.7".to_owned()),
        since: moment(),
        until: moment(),
        scopes: Vec::new(),
        scope: "openid".to_owned(),
        is_met: true,
        csrf: "token".to_owned(),
    };
    let approvals = ApprovalsPage {
        frame,
        person: "Ada Lovelace",
        username: "ada",
        again: "/sign-in",
        notice: None,
        approvals: vec![waits],
    };
    vec![("account", account.render().unwrap()), ("approvals", approvals.render().unwrap())]
}

fn of_the_server(frame: &Frame) -> Vec<Rendered> {
    let error = ErrorPage {
        frame,
        title: "This link does not work",
        text: "The application that sent you here asked for something that can't be done.",
        advice: Some(
            "Go back to the application and start again. If it happens again, tell the people who run it.",
        ),
        code: Some("invalid_request"),
        detail: Some("redirect_uri is not registered for this client"),
        request_id: "req_019a",
    };
    let fields = [("code", "<Merchant>".to_owned())];
    let form_post = FormPostPage { frame, action: "https://<Invoice", fields: &fields };
    let home =
        HomePage { frame, issuer: "https://auth.example", discovery: "/.well-known/x", jwks: "/jwks.json" };
    vec![
        ("error", error.render().unwrap()),
        ("form_post", form_post.render().unwrap()),
        ("home", home.render().unwrap()),
    ]
}

#[test]
fn pages_are_escaped_and_hold_nothing_inline() {
    for (name, html) in every_page(&Frame::new("", "auth.example")) {
        // The one script is a file of ours, and has nothing to do that a button does not.
        assert_eq!(html.contains("<script src="), name == "form_post", "{name}");
        assert!(!html.contains("<script>") && !html.contains("<style"), "{name}");
        assert!(!html.contains(" style=") && !html.contains(" onclick="), "{name}");
        assert!(
            !html.contains("<Invoice") && !html.contains("<Merchant"),
            "{name}: markup from a client's name"
        );
        assert!(html.contains("<html lang=\"en\">") && html.contains("<title>"), "{name}");
    }
}

#[test]
fn pages_carry_the_names_that_tests_and_style_sheets_use() {
    let pages = every_page(&Frame::new("/tenant", "auth.example"));
    let has = |page: &str, text: &str| pages.iter().any(|(name, html)| *name == page && html.contains(text));
    for id in ["username", "password", "login-submit"] {
        assert!(has("sign_in", &format!("id=\"{id}\"")), "{id}");
    }
    assert!(has("consent", "id=\"consent-allow\"") && has("consent", "id=\"consent-deny\""));
    assert!(has("sign_out", "id=\"logout-yes\"") && has("sign_out", "id=\"logout-no\""));
    assert!(
        has("sign_in_refused", "aria-describedby=\"problem\"") && has("sign_in_refused", "role=\"alert\"")
    );
    assert!(has("sign_in", "action=\"/tenant/sign-in\"") && has("home", "href=\"/tenant/account\""));
}
