//! What each profile demands of the same checks.

use countersign_jose::Algorithm;
use countersign_model::{Client, ClientAuthentication, ClientId, Profile, ResponseType, Timestamp};
use countersign_oauth::ports::Grants as _;
use countersign_oauth::profile::{ProfileConflict, Rules};
use countersign_oauth::{ClientCall, DpopField, Error, GrantRefusal, PushedResponse, Step};
use serde_json::{Value, json};

use crate::dpop::Prover;
use crate::support::*;

struct Strict {
    house: House,
    key: ClientKey,
}

impl Strict {
    async fn new(profile: Profile, change: impl FnOnce(&mut Client)) -> Self {
        let house = House::new().await;
        let key = ClientKey::new(Algorithm::ES256);
        house.client("app", |client| {
            key.give_to(client);
            client.profile = profile;
            client.first_party = true;
            change(client);
        });
        Self { house, key }
    }

    async fn call(&self, audience: &str, jti: &str, form: Vec<(String, String)>) -> Result<Value, Error> {
        let mut form = form;
        form.extend(self.key.assertion("app", audience, jti));
        let form = countersign_oauth::Parameters::new(form);
        let tokens = self.house.engine.token(&ClientCall::new(&form)).await?;
        Ok(serde_json::from_slice(&tokens.to_json()).unwrap())
    }

    /// The same with a proof of a key.
    async fn call_with(&self, proof: &str, jti: &str, form: Vec<(String, String)>) -> Result<Value, Error> {
        let mut form = form;
        form.extend(self.key.assertion("app", ISSUER, jti));
        let form = countersign_oauth::Parameters::new(form);
        let call = ClientCall { dpop: DpopField::Proof(proof), ..ClientCall::new(&form) };
        let tokens = self.house.engine.token(&call).await?;
        Ok(serde_json::from_slice(&tokens.to_json()).unwrap())
    }

    async fn push(
        &self,
        audience: &str,
        jti: &str,
        form: Vec<(String, String)>,
    ) -> Result<PushedResponse, Error> {
        let mut form = form;
        form.extend(self.key.assertion("app", audience, jti));
        let form = countersign_oauth::Parameters::new(form);
        self.house.engine.push(&ClientCall::new(&form)).await
    }
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn fapi_2_takes_pushed_requests_and_the_issuer_as_audience_alone() {
    let strict = Strict::new(Profile::Fapi2Security, |_| {}).await;
    let response = respond(strict.house.begin(&request("app", &[]), None).await.unwrap());
    assert_eq!(response.error(), Some("invalid_request"), "FAPI 2.0 §5.3.2.2, point 2");
    let form = || owned(&request("app", &[]));
    for (audience, jti) in [("https://id.example/token", "1"), ("https://id.example/par", "2")] {
        let error = strict.push(audience, jti, form()).await.unwrap_err();
        assert_eq!(error.code(), "invalid_client", "FAPI 2.0 §5.3.2.1, point 8");
    }
    let pushed = strict.push(ISSUER, "3", form()).await.unwrap();
    let query = [("client_id", "app"), ("request_uri", pushed.request_uri.as_str())];
    let session = strict.house.sign_in("alice").await;
    let code = code_of(&respond(strict.house.begin(&query, Some(&session)).await.unwrap()));
    // FAPI 2.0 §5.3.2.1, point 4: no token that is bound to nothing.
    let error = strict.call(ISSUER, "4", redemption_pairs(&code)).await.unwrap_err();
    assert!(matches!(error, Error::UnboundToken));
    let error = strict.push(ISSUER, "5", owned(&request("app", &[("redirect_uri", "")]))).await.unwrap_err();
    assert!(matches!(error, Error::RedirectUriMissing), "FAPI 2.0 §5.3.2.2, point 6");
}

#[tokio::test]
async fn fapi_2_refresh_tokens_are_not_rotated_and_never_unbound() {
    for profile in [Profile::Fapi2Security, Profile::Fapi2MessageSigning] {
        let strict = Strict::new(profile, |_| {}).await;
        let session = strict.house.sign_in("alice").await;
        let object = strict.key.request_object("app", |claims| {
            if profile == Profile::Fapi2MessageSigning {
                claims["response_mode"] = json!("jwt");
            }
        });
        let form = owned(&[("client_id", "app"), ("request", &object)]);
        let pushed = strict.push(ISSUER, "1", form).await.unwrap();
        let query = [("client_id", "app"), ("request_uri", pushed.request_uri.as_str())];
        let response = respond(strict.house.begin(&query, Some(&session)).await.unwrap());
        let code = match answered(&response, "response") {
            Some(jwt) => read_jwt(&jwt).1["code"].as_str().unwrap().to_owned(),
            None => code_of(&response),
        };
        let prover = Prover::new();
        let proof = |jti: &str| prover.proof(jti, &json!({}));
        let tokens = strict.call_with(&proof("1"), "2", redemption_pairs(&code)).await.unwrap();
        let refresh = tokens["refresh_token"].as_str().unwrap().to_owned();
        let form = || owned(&[("grant_type", "refresh_token"), ("refresh_token", &refresh)]);
        // FAPI 2.0 Security Profile §5.3.2.1, point 9: as often as the client likes, long after any grace.
        for turn in 3..6 {
            strict.house.advance(20);
            let proof = prover.proof(&turn.to_string(), &json!({ "iat": START + 20 * (turn - 2) }));
            let again = strict.call_with(&proof, &turn.to_string(), form()).await.unwrap();
            assert_eq!(again["refresh_token"], refresh.as_str());
            assert_ne!(again["access_token"], tokens["access_token"]);
        }
        // Point 4: and what it gives is bound.
        let error = strict.call(ISSUER, "7", form()).await.unwrap_err();
        assert!(matches!(error, Error::UnboundToken));
        // RFC 6749 §6: to the client it was given to.
        let thief = ClientKey::new(Algorithm::ES256);
        strict.house.client("thief", |client| {
            thief.give_to(client);
            client.profile = profile;
        });
        let mut stolen = form();
        stolen.extend(thief.assertion("thief", ISSUER, "1"));
        let stolen = countersign_oauth::Parameters::new(stolen);
        let proof = Prover::new().proof("9", &json!({ "iat": START + 60 }));
        let call = ClientCall { dpop: DpopField::Proof(&proof), ..ClientCall::new(&stolen) };
        let error = strict.house.engine.token(&call).await.unwrap_err();
        assert!(matches!(error, Error::InvalidGrant(GrantRefusal::RefreshForeign)));
        // A withdrawn grant is one, rotated or not.
        let grant = strict.house.memory.tables().refresh.values().next().unwrap().0.grant.clone();
        strict.house.memory.revoke_grant(&grant, Timestamp::from_seconds(START + 60)).await.unwrap();
        let proof = prover.proof("8", &json!({ "iat": START + 60 }));
        let error = strict.call_with(&proof, "8", form()).await.unwrap_err();
        assert!(matches!(error, Error::InvalidGrant(GrantRefusal::Revoked)));
    }
}

#[tokio::test]
async fn fapi_2_codes_live_a_minute_whatever_the_server_says() {
    let change = |settings: &mut countersign_oauth::Settings| {
        settings.lifetimes.authorization_code = std::time::Duration::from_secs(300);
    };
    let house = House::with(change, Algorithm::ES256).await;
    for (id, profile, life) in [("strict", Profile::Fapi2Security, 60), ("app", Profile::OAuth21, 300)] {
        let key = ClientKey::new(Algorithm::ES256);
        house.client(id, |client| {
            key.give_to(client);
            client.profile = profile;
            client.first_party = true;
        });
        let form = countersign_oauth::Parameters::new(
            owned(&request(id, &[])).into_iter().chain(key.assertion(id, ISSUER, "1")).collect::<Vec<_>>(),
        );
        let pushed = house.engine.push(&ClientCall::new(&form)).await.unwrap();
        let session = house.sign_in("alice").await;
        let query = [("client_id", id), ("request_uri", pushed.request_uri.as_str())];
        respond(house.begin(&query, Some(&session)).await.unwrap());
        let tables = house.memory.tables();
        let (code, _) = tables.codes.values().find(|(code, _)| code.client.as_str() == id).unwrap();
        assert_eq!(code.expires_at.since(code.issued_at).as_secs(), life, "{id}");
    }
}

#[tokio::test]
async fn fapi_2_message_signing_signs_both_ways() {
    let strict = Strict::new(Profile::Fapi2MessageSigning, |_| {}).await;
    let error =
        strict.push(ISSUER, "1", owned(&request("app", &[("response_mode", "jwt")]))).await.unwrap_err();
    assert!(matches!(error, Error::SignedRequestRequired));
    let with = |change: fn(&mut Value)| {
        let object = strict.key.request_object("app", |claims| {
            claims["response_mode"] = json!("jwt");
            change(claims);
        });
        owned(&[("request", object.as_str())])
    };
    let error =
        strict.push(ISSUER, "2", with(|claims| claims["response_mode"] = Value::Null)).await.unwrap_err();
    assert!(matches!(error, Error::UnsupportedResponseMode), "FAPI 2.0 Message Signing §5.4.1");
    let error = strict.push(ISSUER, "3", with(|claims| claims["nbf"] = Value::Null)).await.unwrap_err();
    assert_eq!(error.code(), "invalid_request_object", "FAPI 2.0 Message Signing §5.3.1");
    let error =
        strict.push(ISSUER, "4", with(|claims| claims["nbf"] = json!(START - 3_601))).await.unwrap_err();
    assert_eq!(error.code(), "invalid_request_object");
    let pushed = strict.push(ISSUER, "5", with(|_| {})).await.unwrap();
    let session = strict.house.sign_in("alice").await;
    let query = [("client_id", "app"), ("request_uri", pushed.request_uri.as_str())];
    let response = respond(strict.house.begin(&query, Some(&session)).await.unwrap());
    assert!(answered(&response, "response").is_some());
}

#[tokio::test]
async fn fapi_1_advanced_is_hybrid_or_jarm_in_signed_requests() {
    let strict = Strict::new(Profile::Fapi1Advanced, |client| {
        client.authorization.response_types = [ResponseType::Code, ResponseType::CodeIdToken].into();
    })
    .await;
    let session = strict.house.sign_in("alice").await;
    let begin = async |change: fn(&mut Value)| {
        let object = strict.key.request_object("app", change);
        let query = [("client_id", "app"), ("request", object.as_str())];
        strict.house.agree(&query, &session).await.unwrap()
    };
    let plain = request("app", &[("response_type", "code id_token")]);
    let response = respond(strict.house.begin(&plain, Some(&session)).await.unwrap());
    assert_eq!(response.error(), Some("invalid_request"), "FAPI 1.0 part 2 §5.2.2, point 1");
    let response = begin(|_| {}).await;
    assert_eq!(response.error(), Some("invalid_request"), "point 2: a code alone is JARM's");
    assert!(answered(&response, "response").is_some(), "and so is the news of it");
    let response = begin(|claims| claims["response_mode"] = json!("jwt")).await;
    assert!(answered(&response, "response").is_some() && response.error().is_none());
    let response = begin(|claims| claims["response_type"] = json!("code id_token")).await;
    let (_, claims) = read_jwt(&answered(&response, "id_token").unwrap());
    assert!(claims["c_hash"].is_string() && claims["s_hash"].is_string());
}

#[tokio::test]
async fn fapi_1_knows_its_answers_again_and_asks_the_person_whoever_vouches() {
    let strict = Strict::new(Profile::Fapi1Advanced, |_| {}).await;
    let session = strict.house.sign_in("alice").await;
    let query = |change: fn(&mut Value)| {
        let object = strict.key.request_object("app", |claims| {
            claims["response_mode"] = json!("jwt");
            change(claims);
        });
        [("client_id", "app".to_owned()), ("request", object)]
    };
    let begin = async |change: fn(&mut Value)| {
        let query = query(change);
        let query = [(query[0].0, query[0].1.as_str()), (query[1].0, query[1].1.as_str())];
        strict.house.begin(&query, Some(&session)).await.unwrap()
    };
    let error = |step: Step| {
        let jwt = answered(&respond(step), "response").unwrap();
        read_jwt(&jwt).1["error_description"].as_str().unwrap_or_default().to_owned()
    };
    // Part 1 §5.2.2.2 and §5.2.2.3.
    let unnamed = begin(|claims| claims["nonce"] = Value::Null).await;
    assert_eq!(error(unnamed), "missing parameter: nonce");
    let without_openid = |claims: &mut Value| {
        claims["scope"] = json!("read");
        claims["state"] = Value::Null;
    };
    assert_eq!(error(begin(without_openid).await), "missing parameter: state");
    assert!(matches!(begin(|claims| claims["state"] = Value::Null).await, Step::Consent(_)));
    // Part 1 §5.2.2.0, point 12, though the operator vouches for it; and not again for what was agreed to.
    assert!(matches!(begin(|_| {}).await, Step::Consent(_)));
    let query = query(|_| {});
    let query = [(query[0].0, query[0].1.as_str()), (query[1].0, query[1].1.as_str())];
    strict.house.agree(&query, &session).await.unwrap();
    assert!(matches!(begin(|_| {}).await, Step::Respond(_)));
}

#[tokio::test]
async fn fapi_1_answers_go_to_no_program_on_a_machine() {
    let fit = |profile, uri: &str| {
        let mut client = Client::new(ClientId::from("app"), Timestamp::from_seconds(1));
        client.authentication = ClientAuthentication::PrivateKeyJwt;
        client.jwks = Some(json!({ "keys": [] }));
        (client.profile, client.redirect_uris) = (profile, vec![uri.to_owned()]);
        Rules::fit(&client).is_ok()
    };
    // Part 1 §5.2.2.0, point 20, and §7.5; FAPI 2.0 §5.3.2.2, point 8, has the exception.
    for (uri, one, two) in [
        ("https://app.example/cb", true, true),
        ("https://localhost:8443/cb", true, true),
        ("http://127.0.0.1:3000/cb", false, true),
        ("http://[::1]/cb", false, true),
        ("com.example.app:/cb", false, false),
    ] {
        let fits = (fit(Profile::Fapi1Advanced, uri), fit(Profile::Fapi2Security, uri));
        assert_eq!(fits, (one, two), "{uri}");
    }
}

/// FAPI 2.0 Security Profile §5.3.2.1, point 13: ten seconds ahead are taken, and more than sixty never.
#[tokio::test]
async fn clocks_may_be_ten_seconds_ahead() {
    let strict = Strict::new(Profile::Fapi2Security, |_| {}).await;
    for (ahead, good) in [(0, true), (10, true), (61, false)] {
        let form = || owned(&[("grant_type", "client_credentials")]);
        let claims = |jti: &str| {
            let times = json!({ "iat": START + ahead, "nbf": START + ahead, "exp": START + 300 });
            let mut claims =
                json!({ "iss": "app", "sub": "app", "aud": ISSUER, "jti": format!("{jti}{ahead}") });
            claims.as_object_mut().unwrap().extend(times.as_object().unwrap().clone());
            claims
        };
        let typed = ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        let assertion = strict.key.sign("JWT", &claims("a"));
        let mut sent = form();
        sent.extend(owned(&[typed, ("client_assertion", &assertion)]));
        let sent = countersign_oauth::Parameters::new(sent);
        let proof = Prover::new().proof("1", &json!({}));
        let call = ClientCall { dpop: DpopField::Proof(&proof), ..ClientCall::new(&sent) };
        assert_eq!(strict.house.engine.token(&call).await.is_ok(), good, "assertion, {ahead} s ahead");
        let proof = Prover::new().proof("1", &json!({ "iat": START + ahead }));
        let given = strict.call_with(&proof, &format!("p{ahead}"), form()).await;
        assert_eq!(given.is_ok(), good, "proof, {ahead} s ahead");
        let object = strict.key.request_object("app", |claims| {
            (claims["nbf"], claims["iat"]) = (json!(START + ahead), json!(START + ahead));
        });
        let pushed = strict.push(ISSUER, &format!("o{ahead}"), owned(&[("request", &object)])).await;
        assert_eq!(pushed.is_ok(), good, "request object, {ahead} s ahead");
    }
}

/// FAPI 2.0 Message Signing §5.3.1, points 2 and 5; FAPI 1.0 part 2 §5.2.2, point 15.
#[tokio::test]
async fn a_request_object_may_be_for_several_servers_and_must_be_for_this_one() {
    let strict = Strict::new(Profile::Fapi2MessageSigning, |_| {}).await;
    for (jti, audience, good) in [
        ("1", json!(ISSUER), true),
        ("2", json!(["https://other.example", ISSUER]), true),
        ("3", json!("https://id.example/par"), false),
        ("4", json!(["https://other.example"]), false),
    ] {
        let object = strict.key.request_object("app", |claims| {
            claims["response_mode"] = json!("jwt");
            claims["aud"] = audience.clone();
        });
        let pushed = strict.push(ISSUER, jti, owned(&[("request", &object)])).await;
        assert_eq!(pushed.is_ok(), good, "{audience}");
    }
}

#[tokio::test]
async fn fapi_signs_with_its_own_algorithms() {
    let house = House::with(|_| {}, Algorithm::RS256).await;
    let key = ClientKey::new(Algorithm::ES256);
    house.client("app", |client| {
        key.give_to(client);
        client.profile = Profile::Fapi1Advanced;
        client.first_party = true;
    });
    let session = house.sign_in("alice").await;
    let object = key.request_object("app", |claims| claims["response_mode"] = json!("jwt"));
    let query = [("client_id", "app"), ("request", object.as_str())];
    let error = house.agree(&query, &session).await.unwrap_err();
    assert!(error.is_ours(), "FAPI 1.0 part 2 §8.6: RS256 is not taken instead");
    let weak = ClientKey::new(Algorithm::RS256);
    house.client("app", |client| {
        weak.give_to(client);
        client.profile = Profile::Fapi1Advanced;
    });
    let object = weak.request_object("app", |_| {});
    let query = [("client_id", "app"), ("request", object.as_str())];
    assert_eq!(house.begin(&query, None).await.unwrap_err().code(), "invalid_request_object");
}

#[tokio::test]
async fn fapi_2_proofs_and_access_tokens_are_signed_with_its_algorithms() {
    let strict = Strict::new(Profile::Fapi2Security, |_| {}).await;
    let form = || owned(&[("grant_type", "client_credentials")]);
    let error = strict.call_with(&Prover::of(Algorithm::RS256).proof("1", &json!({})), "1", form()).await;
    assert_eq!(error.unwrap_err().code(), "invalid_dpop_proof", "FAPI 2.0 Security Profile §5.4.1");
    for algorithm in [Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA] {
        let proof = Prover::of(algorithm).proof("1", &json!({}));
        strict.call_with(&proof, &algorithm.to_string(), form()).await.unwrap();
    }
    // A server whose only key is of another kind gives such a client nothing rather than that.
    let house = House::with(|_| {}, Algorithm::RS256).await;
    let key = ClientKey::new(Algorithm::ES256);
    house.client("app", |client| {
        key.give_to(client);
        client.profile = Profile::Fapi2Security;
    });
    let strict = Strict { house, key };
    let error = strict.call_with(&Prover::new().proof("1", &json!({})), "1", form()).await.unwrap_err();
    assert!(error.is_ours());
}

#[tokio::test]
async fn openid_connect_may_bind_by_nonce_and_nobody_else() {
    let house = House::new().await;
    house.client("app", |client| client.profile = Profile::Oidc);
    house.client("plain", |_| {});
    house.client("spa", |client| {
        client.profile = Profile::Oidc;
        client.authentication = ClientAuthentication::None;
    });
    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    let step = house.begin(&request("app", &without), None).await.unwrap();
    assert!(matches!(step, Step::SignIn(_)), "RFC 9700 §2.1.1");
    let error = async |id: &str, more: &[(&str, &str)]| {
        let changes: Vec<_> = without.iter().chain(more).copied().collect();
        respond(house.begin(&request(id, &changes), None).await.unwrap()).error().map(str::to_owned)
    };
    assert_eq!(error("app", &[("nonce", "")]).await.as_deref(), Some("invalid_request"));
    assert_eq!(error("app", &[("scope", "read")]).await.as_deref(), Some("invalid_request"));
    assert_eq!(error("plain", &[]).await.as_deref(), Some("invalid_request"));
    assert_eq!(error("spa", &[]).await.as_deref(), Some("invalid_request"));
}

#[tokio::test]
async fn mcp_wants_the_resource_named() {
    let house = House::new().await;
    house.client("app", |client| client.profile = Profile::Mcp);
    let response = respond(house.begin(&request("app", &[]), None).await.unwrap());
    assert_eq!(response.error(), Some("invalid_target"), "RFC 8707 §2");
    let named = request("app", &[("resource", ISSUER)]);
    assert!(matches!(house.begin(&named, None).await.unwrap(), Step::SignIn(_)));
}

#[tokio::test]
async fn mcp_answers_go_to_https_or_to_this_machine() {
    // MCP Authorization, "Communication Security", point 2.
    let fit = |uri: &str| {
        let client = Client {
            profile: Profile::Mcp,
            redirect_uris: vec![uri.to_owned()],
            ..Client::new(ClientId::from("app"), Timestamp::from_seconds(1))
        };
        Rules::fit(&client)
    };
    for uri in ["https://app.example/cb", "http://127.0.0.1/cb", "http://localhost:3000/cb"] {
        assert_eq!(fit(uri), Ok(()), "{uri}");
    }
    for uri in ["com.example.app:/cb", "http://app.example/cb"] {
        assert_eq!(fit(uri), Err(ProfileConflict::RedirectUri), "{uri}");
    }
}

#[tokio::test]
async fn a_registration_that_its_profile_forbids_is_told_apart() {
    let house = House::new().await;
    let fit = |change: fn(&mut Client)| {
        let key = ClientKey::new(Algorithm::ES256);
        let client = house.client("app", |client| {
            key.give_to(client);
            client.profile = Profile::Fapi2MessageSigning;
            change(client);
        });
        Rules::fit(&client)
    };
    assert_eq!(fit(|_| {}), Ok(()));
    let secret = fit(|client| client.authentication = ClientAuthentication::ClientSecretBasic);
    assert_eq!(secret, Err(ProfileConflict::Authentication));
    let hybrid = fit(|client| client.authorization.response_types = ResponseType::ALL.into());
    assert_eq!(hybrid, Err(ProfileConflict::ResponseType));
    let rsa = fit(|client| client.authorization.request_object_signing_alg = Some("RS256".to_owned()));
    assert_eq!(rsa, Err(ProfileConflict::Algorithm));
    let rsa = fit(|client| client.introspection_signed_response_alg = Some("RS256".to_owned()));
    assert_eq!(rsa, Err(ProfileConflict::Algorithm));
    let rsa = fit(|client| {
        client.backchannel.authentication_request_signing_alg = Some("RS256".to_owned());
    });
    assert_eq!(rsa, Err(ProfileConflict::Algorithm));
    let http = fit(|client| client.redirect_uris = vec!["http://app.example/cb".to_owned()]);
    assert_eq!(http, Err(ProfileConflict::RedirectUri));
    assert_eq!(fit(|client| client.jwks = None), Err(ProfileConflict::NoKeys));
}
