//! Nouns for tests.

use std::time::Duration;

use countersign_model::*;
use countersign_oauth::ports::{
    AccessToken, AuthenticationEvent, AuthorizationCode, Basis, Codes as _, Grant, RefreshToken,
};
use countersign_oauth::{AuthorizationDetails, Consent};

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + seconds)
}

pub fn hash(text: &str) -> TokenHash {
    TokenHash::of(text.as_bytes())
}

pub fn scopes(text: &str) -> ScopeSet {
    text.parse().unwrap()
}

/// Agreed to, and nothing left out.
pub fn agreed(granted: &str) -> Consent {
    Consent { granted: scopes(granted), declined: ScopeSet::empty() }
}

pub fn user(name: &str) -> User {
    User {
        id: UserId::new(format!("usr_{name}")),
        username: name.parse().unwrap(),
        kind: UserKind::Person,
        status: UserStatus::Enabled,
        display_name: Some("Ada Łovelace".into()),
        email: None,
        email_verified: true,
        scopes: scopes("read write"),
        password: Some(PasswordHashText::new("$argon2id$…")),
        created_at: at(0),
        password_changed_at: at(0),
    }
}

pub fn client(id: &str) -> Client {
    Client {
        client_name: "A client".into(),
        authentication: ClientAuthentication::ClientSecretBasic,
        secrets: vec![hash("secret")],
        redirect_uris: vec!["https://app.example/callback".into()],
        grant_types: [GrantType::AuthorizationCode, GrantType::RefreshToken].into(),
        scopes: scopes("openid read"),
        ..Client::new(ClientId::new(id), at(0))
    }
}

pub fn session(user: &User, name: &str) -> Session {
    Session {
        id: SessionId::new(format!("ses_{name}")),
        secret: hash(name),
        user: user.id.clone(),
        auth_time: at(10),
        amr: vec!["pwd".into()],
        acr: None,
        created_at: at(10),
        expires_at: at(1_000),
    }
}

pub fn grant(id: &str, user: &User, client: &Client) -> Grant {
    Grant {
        id: GrantId::new(id),
        client: client.client_id.clone(),
        user: user.id.clone(),
        session: None,
        scopes: scopes("read"),
        created_at: at(0),
        revoked_at: None,
    }
}

fn authentication() -> AuthenticationEvent {
    AuthenticationEvent { auth_time: at(0), amr: vec!["pwd".into()], acr: None }
}

pub fn code(text: &str, grant: &Grant) -> AuthorizationCode {
    AuthorizationCode {
        dpop_jkt: None,
        hash: hash(text),
        grant: grant.id.clone(),
        client: grant.client.clone(),
        user: grant.user.clone(),
        session: None,
        authentication: authentication(),
        redirect_uri: "https://app.example/callback".into(),
        redirect_uri_was_sent: true,
        code_challenge: Some("challenge".into()),
        nonce: None,
        scopes: scopes("read"),
        resources: vec!["https://api.example".into()],
        authorization_details: AuthorizationDetails::default(),
        issued_at: at(0),
        expires_at: at(60),
    }
}

pub fn refresh(text: &str, grant: &Grant) -> RefreshToken {
    RefreshToken {
        confirmation: None,
        hash: hash(text),
        grant: grant.id.clone(),
        client: grant.client.clone(),
        user: grant.user.clone(),
        session: None,
        authentication: authentication(),
        scopes: scopes("read"),
        resources: vec![],
        authorization_details: AuthorizationDetails::default(),
        issued_at: at(0),
        expires_at: at(10_000),
    }
}

pub fn access(id: &str, client: &ClientId, grant: Option<&Grant>) -> AccessToken {
    AccessToken {
        id: TokenId::new(id),
        reference: None,
        grant: grant.map(|grant| grant.id.clone()),
        client: client.clone(),
        subject: grant
            .map_or_else(|| Subject::new(client.as_str()), |grant| Subject::new(grant.user.as_str())),
        claims: None,
        issued_at: at(0),
        expires_at: at(0).plus(Duration::from_secs(600)),
    }
}

pub fn reference(text: &str, client: &ClientId, grant: Option<&Grant>) -> AccessToken {
    let claims = serde_json::json!({ "sub": "x", "scope": "read", "ü": [1, null] });
    AccessToken {
        reference: Some(hash(text)),
        claims: claims.as_object().cloned(),
        ..access(&format!("tok_{text}"), client, grant)
    }
}

pub fn api_key(name: &str, owner: &str) -> ApiKey {
    ApiKey {
        id: ApiKeyId::new(format!("key_{name}")),
        hash: hash(name),
        name: name.into(),
        owner: Subject::new(owner),
        scopes: scopes("read"),
        routes: vec!["orders".into()],
        addresses: AddressList::new(vec!["10.0.0.0/8".parse().unwrap()]),
        requests_per_minute: Some(60),
        status: ApiKeyStatus::Active,
        created_at: at(0),
        expires_at: Some(at(5_000)),
    }
}

/// A store with one person, one client and one grant whose code is `code`.
pub async fn with_grant(store: &countersign_store::Store) -> (User, Client, Grant) {
    let (user, client) = (user("ada"), client("app"));
    store.create_user(&user).await.unwrap();
    store.create_client(&client).await.unwrap();
    let grant = grant("grt_1", &user, &client);
    store.store_code(&grant, Basis::Voucher, &code("code", &grant)).await.unwrap();
    (user, client, grant)
}
