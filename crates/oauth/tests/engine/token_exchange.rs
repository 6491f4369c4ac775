//! Token exchange (RFC 8693).

use countersign_jose::Algorithm;
use countersign_model::{AccessTokenFormat, GrantType, Timestamp};
use countersign_oauth::{
    Error, ExchangeRefusal, ExchangeRule, ForeignRefusal, OWN_ISSUER, SubjectMapping, TokenResponse,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::*;

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const ORDERS: &str = "https://orders.example";
const BILLING: &str = "https://billing.example";
const LEDGER: &str = "https://ledger.example";

fn rule(client: &str) -> ExchangeRule {
    ExchangeRule {
        client: client.into(),
        subject_issuers: [OWN_ISSUER.to_owned()].into(),
        subject_clients: None,
        subject_audiences: Default::default(),
        audiences: vec![BILLING.to_owned(), LEDGER.to_owned()],
        scopes: scopes("read write"),
        impersonation: false,
    }
}

/// Alice's application, and two services behind it of which the first may call on the second.
async fn house(rules: Vec<ExchangeRule>) -> House {
    let settings = |settings: &mut countersign_oauth::Settings| {
        settings.exchange_rules = rules;
    };
    furnished(House::with(settings, Algorithm::ES256).await)
}

fn furnished(house: House) -> House {
    house.client("web", |client| client.audiences = vec![ORDERS.to_owned()]);
    for (id, audience) in [("orders", ORDERS), ("billing", BILLING)] {
        house.client(id, |client| {
            client.grant_types = [GrantType::TokenExchange, GrantType::ClientCredentials].into();
            client.audiences = vec![audience.to_owned()];
        });
    }
    house
}

async fn trade(house: &House, id: &str, changes: &[(&str, &str)]) -> Result<TokenResponse, Error> {
    let mut form = vec![("grant_type", EXCHANGE), ("subject_token_type", ACCESS_TOKEN)];
    change(&mut form, changes);
    house.token(id, &form).await
}

async fn traded(house: &House, id: &str, token: &str) -> TokenResponse {
    trade(house, id, &[("subject_token", token)]).await.unwrap()
}

fn refusal(result: Result<TokenResponse, Error>) -> ExchangeRefusal {
    match result {
        Err(error @ Error::Exchange(refusal)) => {
            // RFC 8693 §2.2.2, and nothing about which it was.
            assert_eq!((error.status(), error.code()), (400, "invalid_request"));
            assert_eq!(error.description(), "the tokens can not be exchanged");
            refusal
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_service_acts_for_whoever_called_it() {
    let house = house(vec![rule("orders"), rule("billing")]).await;
    let alices = house.tokens("web", "read email").await.access_token;
    house.advance(100);
    let answer = traded(&house, "orders", &alices).await;
    // RFC 8693 §2.2.1.
    let document: Value = serde_json::from_slice(&answer.to_json()).unwrap();
    assert_eq!(document["issued_token_type"], ACCESS_TOKEN);
    assert_eq!((&document["token_type"], &document["scope"]), (&"Bearer".into(), &"read".into()));
    assert!(answer.refresh_token.is_none() && answer.id_token.is_none());
    let (header, claims) = read_jwt(&answer.access_token);
    assert_eq!(header["typ"], "at+jwt");
    assert_eq!((&claims["sub"], &claims["client_id"]), (&"usr_alice".into(), &"orders".into()));
    assert_eq!(claims["aud"], BILLING);
    assert_eq!(claims["act"], json!({ "sub": "orders" }));
    let (_, subject) = read_jwt(&alices);
    assert_eq!((&claims["auth_time"], &claims["sid"]), (&subject["auth_time"], &subject["sid"]));
    assert_eq!(claims["exp"], subject["exp"], "it does not outlive what it was traded for");

    // The next service: who acts now is outside, who acted before is inside (RFC 8693 §4.1).
    let ledger = [("subject_token", answer.access_token.as_str()), ("audience", LEDGER)];
    let next = trade(&house, "billing", &ledger).await.unwrap();
    let (_, claims) = read_jwt(&next.access_token);
    assert_eq!(claims["act"], json!({ "sub": "billing", "act": { "sub": "orders" } }));
    assert_eq!((&claims["sub"], &claims["aud"]), (&"usr_alice".into(), &LEDGER.into()));
    assert_eq!(house.introspect("billing", &next.access_token).await["act"], claims["act"]);

    // Alice ends it for all of them.
    let grant = subject["grant_id"].as_str().unwrap().into();
    let now = Timestamp::from_seconds(START + 101);
    countersign_oauth::ports::Grants::revoke_grant(&*house.memory, &grant, now).await.unwrap();
    assert!(!house.is_active("billing", &next.access_token).await);
    assert!(!house.is_active("orders", &answer.access_token).await);
    let again = trade(&house, "orders", &[("subject_token", &alices)]).await;
    assert_eq!(refusal(again), ExchangeRefusal::Token(ForeignRefusal::Issuer));
}

#[tokio::test]
async fn scopes_only_shrink() {
    let mut narrow = rule("orders");
    narrow.scopes = scopes("read write admin");
    let house = house(vec![narrow]).await;
    let alices = house.tokens("web", "read email").await.access_token;
    let ask = async |scope| trade(&house, "orders", &[("subject_token", &alices), ("scope", scope)]).await;
    assert_eq!(ask("read").await.unwrap().scope, scopes("read"));
    // The subject token has no write, the rule no email, the client no admin.
    for scope in ["write", "email", "read admin", "openid", "\"", "read write"] {
        assert!(matches!(ask(scope).await, Err(Error::InvalidScope)), "{scope}");
    }
    let mail = house.tokens("web", "openid email").await.access_token;
    let nothing = trade(&house, "orders", &[("subject_token", &mail)]).await;
    assert!(matches!(nothing, Err(Error::InvalidScope)));
}

#[tokio::test]
async fn targets_are_the_rules() {
    let house = house(vec![rule("orders")]).await;
    let alices = house.tokens("web", "read").await.access_token;
    let base = [("grant_type", EXCHANGE), ("subject_token_type", ACCESS_TOKEN), ("subject_token", &*alices)];
    let ask = async |targets: &[(&str, &str)]| house.token("orders", &[&base[..], targets].concat()).await;
    // RFC 8693 §2.1: both may come several times.
    let twice = [("audience", LEDGER), ("resource", LEDGER)];
    assert_eq!(read_jwt(&ask(&twice).await.unwrap().access_token).1["aud"], LEDGER);
    // Several only where the operator lets one token be for several.
    let both = [("audience", LEDGER), ("audience", BILLING), ("resource", LEDGER)];
    assert!(matches!(ask(&both).await, Err(Error::InvalidTarget)));
    for target in [("audience", ORDERS), ("resource", "https://elsewhere.example"), ("audience", "x")] {
        assert!(matches!(ask(&[target]).await, Err(Error::InvalidTarget)), "{target:?}");
        assert!(matches!(ask(&[("resource", BILLING), target]).await, Err(Error::InvalidTarget)));
    }
    let details = ask(&[("authorization_details", "[]")]).await;
    assert!(matches!(details, Err(Error::InvalidAuthorizationDetails)));
}

#[tokio::test]
async fn without_a_rule_nothing_is_exchanged() {
    let mut apps = rule("orders");
    apps.subject_clients = Some(["app".into()].into());
    let house = house(vec![apps, rule("web")]).await;
    let alices = house.tokens("web", "read").await.access_token;
    assert_eq!(
        refusal(trade(&house, "orders", &[("subject_token", &alices)]).await),
        ExchangeRefusal::NoRule
    );
    assert_eq!(
        refusal(trade(&house, "billing", &[("subject_token", &alices)]).await),
        ExchangeRefusal::NoRule
    );
    // A rule is not enough: the client must be registered for the grant.
    let web = trade(&house, "web", &[("subject_token", &alices)]).await;
    assert!(matches!(web, Err(Error::UnauthorizedClient)));
}

#[tokio::test]
async fn a_token_that_leaked_from_elsewhere_is_of_no_use() {
    let mut wide = rule("billing");
    let house = house(vec![wide.clone()]).await;
    let alices = house.tokens("web", "read").await.access_token;
    let asked = trade(&house, "billing", &[("subject_token", &alices)]).await;
    assert_eq!(refusal(asked), ExchangeRefusal::Audience);
    // Its own it may trade, and that of an audience of which the rule speaks.
    let own =
        house.token("billing", &[("grant_type", "client_credentials"), ("scope", "read")]).await.unwrap();
    let (_, claims) = read_jwt(&traded(&house, "billing", &own.access_token).await.access_token);
    assert_eq!((&claims["sub"], &claims["act"]["sub"]), (&"billing".into(), &"billing".into()));
    wide.subject_audiences = [ORDERS.to_owned()].into();
    let house = self::house(vec![wide]).await;
    let alices = house.tokens("web", "read").await.access_token;
    traded(&house, "billing", &alices).await;
}

#[tokio::test]
async fn who_acts_is_hidden_by_rule_only() {
    let house = house(vec![ExchangeRule { impersonation: true, ..rule("orders") }, rule("billing")]).await;
    let alices = house.tokens("web", "read").await.access_token;
    let (_, claims) = read_jwt(&traded(&house, "orders", &alices).await.access_token);
    assert!(claims.get("act").is_none() && claims["client_id"] == "orders");
    // Whoever acted before is not forgotten, and an actor token is never without effect.
    let own =
        house.token("orders", &[("grant_type", "client_credentials"), ("scope", "read")]).await.unwrap();
    let actor = [("subject_token", &*alices), ("actor_token", &own.access_token), ("actor_token_type", JWT)];
    let acted = trade(&house, "orders", &actor).await.unwrap();
    let (_, claims) = read_jwt(&acted.access_token);
    assert_eq!(claims["act"], json!({ "sub": "orders" }));
}

#[tokio::test]
async fn an_actor_token_says_who_acts() {
    let house = house(vec![rule("orders"), rule("billing")]).await;
    house.user("bob");
    house.client("orders", |client| {
        client.grant_types =
            [GrantType::TokenExchange, GrantType::ClientCredentials, GrantType::AuthorizationCode].into();
        client.audiences = vec![ORDERS.to_owned()];
    });
    let alices = house.tokens("web", "read").await.access_token;
    let bobs = {
        let session = house.sign_in("bob").await;
        let step =
            house.begin(&request("orders", &[("scope", "openid read")]), Some(&session)).await.unwrap();
        let countersign_oauth::Step::Consent(asked) = step else { panic!() };
        let (name, given) = (asked.interaction.expose(), asked.scopes.clone());
        let step = house.engine.consent_given(name, &session, &house.browser, &given).await.unwrap();
        house.token("orders", &redemption(&code_of(&respond(step)))).await.unwrap()
    };
    let act = async |token: &str, kind: &str| {
        let actor = [("subject_token", &*alices), ("actor_token", token), ("actor_token_type", kind)];
        trade(&house, "orders", &actor).await
    };
    let (_, claims) = read_jwt(&act(&bobs.access_token, ACCESS_TOKEN).await.unwrap().access_token);
    assert_eq!((&claims["sub"], &claims["act"]), (&"usr_alice".into(), &json!({ "sub": "usr_bob" })));
    let id_token = bobs.id_token.unwrap();
    let (_, claims) = read_jwt(&act(&id_token, ID_TOKEN).await.unwrap().access_token);
    assert_eq!(claims["act"], json!({ "sub": "usr_bob" }));

    // Somebody else's token, one that was itself exchanged, one that is none.
    assert_eq!(refusal(act(&alices, ACCESS_TOKEN).await), ExchangeRefusal::ActorForeign);
    let chained = traded(&house, "orders", &alices).await.access_token;
    assert_eq!(refusal(act(&chained, ACCESS_TOKEN).await), ExchangeRefusal::ActorActed);
    assert!(matches!(refusal(act("x", ACCESS_TOKEN).await), ExchangeRefusal::Token(_)));
    // RFC 8693 §2.1: the type with the token, and not without.
    let no_type = [("subject_token", &*alices), ("actor_token", &id_token)];
    assert!(matches!(trade(&house, "orders", &no_type).await, Err(Error::Missing("actor_token_type"))));
    let no_token = [("subject_token", &*alices), ("actor_token_type", ID_TOKEN)];
    assert!(matches!(trade(&house, "orders", &no_token).await, Err(Error::Missing("actor_token"))));
}

#[tokio::test]
async fn chains_end() {
    let house =
        house(vec![ExchangeRule { subject_audiences: [BILLING.to_owned()].into(), ..rule("billing") }]).await;
    let own =
        house.token("billing", &[("grant_type", "client_credentials"), ("scope", "read")]).await.unwrap();
    let mut token = own.access_token;
    for _ in 0..8 {
        token = traded(&house, "billing", &token).await.access_token;
    }
    let ninth = trade(&house, "billing", &[("subject_token", &token)]).await;
    assert_eq!(refusal(ninth), ExchangeRefusal::TooManyActors);
}

#[tokio::test]
async fn tokens_are_what_they_are_said_to_be() {
    let house = house(vec![
        ExchangeRule { subject_clients: Some(["web".into()].into()), ..rule("orders") },
        rule("billing"),
    ])
    .await;
    let alices = house.tokens("web", "openid read").await;
    let id_token = alices.id_token.as_deref().unwrap();
    let ask = async |token: &str, kind: &str| {
        let form = [("subject_token", token), ("subject_token_type", kind)];
        trade(&house, "orders", &form).await
    };
    assert!(ask(&alices.access_token, JWT).await.is_ok());
    // An ID token allows nothing: the rule alone says how much may be done for whoever it names.
    assert_eq!(ask(id_token, ID_TOKEN).await.unwrap().scope, scopes("read write"));
    // At a client of which the rule does not speak by name it is of no use.
    let form = [("subject_token", id_token), ("subject_token_type", ID_TOKEN)];
    assert_eq!(refusal(trade(&house, "billing", &form).await), ExchangeRefusal::Audience);
    for (token, kind) in [(id_token, ACCESS_TOKEN), (id_token, JWT), (&alices.access_token, ID_TOKEN)] {
        assert!(matches!(refusal(ask(token, kind).await), ExchangeRefusal::Token(_)), "{kind}");
    }
    let refresh = alices.refresh_token.as_deref().unwrap();
    for kind in [
        "urn:ietf:params:oauth:token-type:refresh_token",
        "urn:ietf:params:oauth:token-type:saml2",
        "access_token",
    ] {
        assert_eq!(refusal(ask(refresh, kind).await), ExchangeRefusal::TokenType);
    }
    house.advance(601);
    assert!(matches!(refusal(ask(&alices.access_token, JWT).await), ExchangeRefusal::Token(_)), "over");
    assert!(matches!(refusal(ask(id_token, ID_TOKEN).await), ExchangeRefusal::Token(_)), "over");
}

#[tokio::test]
async fn what_is_asked_for_is_given_or_refused() {
    let house = house(vec![rule("orders")]).await;
    let alices = house.tokens("web", "read").await.access_token;
    let ask = async |kind| {
        trade(&house, "orders", &[("subject_token", &alices), ("requested_token_type", kind)]).await
    };
    assert_eq!(ask(ACCESS_TOKEN).await.unwrap().issued_token_type, Some(ACCESS_TOKEN));
    assert_eq!(ask(JWT).await.unwrap().issued_token_type, Some(JWT));
    for kind in [ID_TOKEN, "urn:ietf:params:oauth:token-type:refresh_token", "jwt"] {
        assert_eq!(refusal(ask(kind).await), ExchangeRefusal::RequestedType);
    }
    // A client of reference tokens gets no JWT; a reference token is as good a subject as any.
    house.client("orders", |client| {
        client.grant_types = [GrantType::TokenExchange].into();
        client.audiences = vec![ORDERS.to_owned(), BILLING.to_owned()];
        client.access_token_format = AccessTokenFormat::Reference;
    });
    assert_eq!(refusal(ask(JWT).await), ExchangeRefusal::RequestedType);
    let reference = ask(ACCESS_TOKEN).await.unwrap().access_token;
    assert!(reference.starts_with("cst_at_"));
    assert_eq!(house.introspect("orders", &reference).await["act"], json!({ "sub": "orders" }));
    traded(&house, "orders", &reference).await;
    let as_jwt = [("subject_token", &*reference), ("subject_token_type", JWT)];
    assert!(matches!(refusal(trade(&house, "orders", &as_jwt).await), ExchangeRefusal::Token(_)));
}

#[tokio::test]
async fn requests_are_whole_and_callers_known() {
    let house = house(vec![rule("orders"), rule("spa")]).await;
    house.public("spa");
    let form = [("grant_type", EXCHANGE), ("subject_token", "x"), ("subject_token_type", JWT)];
    assert!(matches!(house.token_public("spa", &form).await, Err(Error::UnauthorizedClient)));
    house.client("spa", |client| {
        client.authentication = countersign_model::ClientAuthentication::None;
        client.grant_types = [GrantType::TokenExchange].into();
    });
    assert!(matches!(house.token_public("spa", &form).await, Err(Error::UnauthorizedClient)));
    assert!(matches!(trade(&house, "orders", &[]).await, Err(Error::Missing("subject_token"))));
    let untyped = [("subject_token", "x"), ("subject_token_type", "")];
    assert!(matches!(trade(&house, "orders", &untyped).await, Err(Error::Missing("subject_token_type"))));
    let alices = house.tokens("web", "read").await.access_token;
    house.disable_user("alice");
    // The memory says that the token is dead with its person; nothing more is asked.
    assert!(matches!(
        refusal(trade(&house, "orders", &[("subject_token", &alices)]).await),
        ExchangeRefusal::Token(_)
    ));
}

/// A house that trusts a partner, whose subjects are mapped like this.
async fn partnered(partner: &Partner, subjects: SubjectMapping) -> House {
    let settings = |settings: &mut countersign_oauth::Settings| {
        let rule = ExchangeRule { subject_issuers: ["partner".to_owned()].into(), ..rule("orders") };
        settings.exchange_rules = vec![rule, self::rule("billing")];
        settings.trusted_issuers = [("partner".to_owned(), partner.trusted(subjects))].into();
    };
    furnished(House::with(settings, Algorithm::ES256).await)
}

#[tokio::test]
async fn tokens_of_a_trusted_issuer_are_subjects_too() {
    let partner = Partner::new();
    let house = partnered(&partner, SubjectMapping::Foreign).await;
    let ask = async |id: &str, changes: &Value, kind: &str| {
        let token = partner.token(changes);
        trade(&house, id, &[("subject_token", &token), ("subject_token_type", kind)]).await
    };
    let answer = ask("orders", &json!({}), JWT).await.unwrap();
    let (_, claims) = read_jwt(&answer.access_token);
    // Never to be mistaken for somebody of ours.
    assert_eq!((&claims["sub"], &claims["act"]), (&"partner|alice".into(), &json!({ "sub": "orders" })));
    assert_eq!(claims["exp"], START + 300);
    assert!(house.is_active("orders", &answer.access_token).await);
    // It can be traded on, by the client it is made for.
    let next = traded(&house, "billing", &answer.access_token).await;
    assert_eq!(
        read_jwt(&next.access_token).1["act"],
        json!({ "sub": "billing", "act": { "sub": "orders" } })
    );

    assert!(ask("orders", &json!({ "aud": ORDERS }), ACCESS_TOKEN).await.is_ok());
    assert!(ask("orders", &json!({ "aud": [ORDERS, "x"], "scope": null }), ID_TOKEN).await.is_ok());
    for (changes, expected) in [
        (json!({ "aud": "https://elsewhere.example" }), ExchangeRefusal::Audience),
        (json!({ "aud": null }), ExchangeRefusal::Audience),
        (json!({ "iss": "https://stranger.example" }), ExchangeRefusal::Token(ForeignRefusal::Issuer)),
        (json!({ "exp": START - 60 }), ExchangeRefusal::Token(ForeignRefusal::Time)),
        (json!({ "nbf": START + 60 }), ExchangeRefusal::Token(ForeignRefusal::Time)),
        (json!({ "exp": null }), ExchangeRefusal::Token(ForeignRefusal::Claims)),
        (json!({ "sub": null }), ExchangeRefusal::Token(ForeignRefusal::Claims)),
        (json!({ "sub": "a\nb" }), ExchangeRefusal::Token(ForeignRefusal::Claims)),
    ] {
        assert_eq!(refusal(ask("orders", &changes, JWT).await), expected, "{changes}");
    }
    // A rule for our own tokens is none for theirs.
    assert_eq!(refusal(ask("billing", &json!({}), JWT).await), ExchangeRefusal::NoRule);
    let forged = Partner::new().token(&json!({}));
    let forged = trade(&house, "orders", &[("subject_token", &forged), ("subject_token_type", JWT)]).await;
    assert_eq!(refusal(forged), ExchangeRefusal::Token(ForeignRefusal::Signature));
}

#[tokio::test]
async fn may_act_binds_whoever_acts() {
    let partner = Partner::new();
    let house = partnered(&partner, SubjectMapping::Foreign).await;
    let ask = async |may_act: Value| {
        let token = partner.token(&json!({ "may_act": may_act }));
        trade(&house, "orders", &[("subject_token", &token), ("subject_token_type", JWT)]).await
    };
    // RFC 8693 §4.4.
    assert!(ask(json!({ "sub": "orders" })).await.is_ok());
    assert!(ask(json!({ "sub": "orders", "iss": ISSUER })).await.is_ok());
    for may_act in [
        json!({ "sub": "billing" }),
        json!({ "sub": "orders", "iss": PARTNER }),
        json!({ "iss": ISSUER }),
        json!({ "sub": "orders", "email": "x" }),
        json!("orders"),
        json!([]),
    ] {
        assert_eq!(refusal(ask(may_act.clone()).await), ExchangeRefusal::MayAct, "{may_act}");
    }
    // An actor of the partner's, named with its issuer.
    let subject = partner.token(&json!({ "may_act": { "sub": "partner|carol", "iss": PARTNER } }));
    let actor = partner.token(&json!({ "sub": "carol" }));
    let form = [
        ("subject_token", &*subject),
        ("subject_token_type", JWT),
        ("actor_token", &*actor),
        ("actor_token_type", JWT),
    ];
    let answer = trade(&house, "orders", &form).await.unwrap();
    assert_eq!(read_jwt(&answer.access_token).1["act"], json!({ "sub": "partner|carol", "iss": PARTNER }));
}

#[tokio::test]
async fn subjects_of_others_can_be_accounts_of_ours() {
    let partner = Partner::new();
    let house = partnered(&partner, SubjectMapping::Username).await;
    let ask = async |sub: &str| {
        let token = partner.token(&json!({ "sub": sub }));
        trade(&house, "orders", &[("subject_token", &token), ("subject_token_type", JWT)]).await
    };
    assert_eq!(read_jwt(&ask("Alice").await.unwrap().access_token).1["sub"], "usr_alice");
    for nobody in ["usr_alice", "nobody", "a b"] {
        assert_eq!(refusal(ask(nobody).await), ExchangeRefusal::Token(ForeignRefusal::Subject), "{nobody}");
    }
    house.disable_user("alice");
    assert_eq!(refusal(ask("alice").await), ExchangeRefusal::Token(ForeignRefusal::Subject));
}

/// Whatever may stand in a claim.
fn claim() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (START - 1_000..START + 1_000).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop_oneof![Just(ISSUER), Just(ORDERS), Just("orders"), Just("read write admin"), Just("usr_alice")]
            .prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("sub|iss|act|x", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_a_trusted_issuer_signs_gives_no_more_than_the_rule(
        changes in prop::collection::btree_map(
            "sub|aud|exp|nbf|iat|scope|act|may_act|client_id|azp|auth_time|amr|acr|jti", claim(), 0..6),
        kind in prop_oneof![Just(JWT), Just(ACCESS_TOKEN), Just(ID_TOKEN)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let partner = Partner::new();
            let house = partnered(&partner, SubjectMapping::Foreign).await;
            let token = partner.token(&Value::Object(changes.clone().into_iter().collect()));
            let asked = trade(&house, "orders", &[("subject_token", &token), ("subject_token_type", kind)]).await;
            let Ok(answer) = asked else { return };
            let (_, claims) = read_jwt(&answer.access_token);
            assert!(scopes("read write").covers(&answer.scope), "{changes:?}");
            assert_eq!((&claims["aud"], &claims["act"]["sub"]), (&BILLING.into(), &"orders".into()));
            assert!(claims["sub"].as_str().unwrap().starts_with("partner|"));
            assert!(claims["exp"].as_i64().unwrap() <= START + 1_000);
        });
    }
}
