//! A database of every earlier version is brought up to date, and what its version kept is read as it was.

use std::path::Path;

use countersign_model::*;
use countersign_oauth::ports::{
    Clients as _, Codes as _, ConsumedCode, Grants as _, People as _, RefreshTokens as _,
};
use serde_json::Value;

use crate::fresh::Fresh;
use crate::samples::*;

contract!(from_every_earlier_version);

/// The members of documents as the first version wrote them. Whoever adds one gives it a default.
const CLIENT: &[&str] = &[
    "client_id",
    "client_name",
    "status",
    "authentication",
    "secrets",
    "redirect_uris",
    "grant_types",
    "scopes",
    "default_scopes",
    "audiences",
    "access_token_format",
    "lifetimes",
    "first_party",
    "may_introspect",
    "created_at",
];
const CODE: &[&str] = &[
    "hash",
    "grant",
    "client",
    "user",
    "session",
    "authentication",
    "redirect_uri",
    "redirect_uri_was_sent",
    "code_challenge",
    "nonce",
    "scopes",
    "resources",
    "issued_at",
    "expires_at",
];
const REFRESH: &[&str] = &[
    "hash",
    "grant",
    "client",
    "user",
    "session",
    "authentication",
    "scopes",
    "resources",
    "issued_at",
    "expires_at",
];

fn document(value: impl serde::Serialize, members: &[&str]) -> String {
    let Ok(Value::Object(mut map)) = serde_json::to_value(value) else { panic!("no document") };
    map.retain(|name, _| members.contains(&name.as_str()));
    assert_eq!(map.len(), members.len(), "a member is gone: old databases have it");
    Value::Object(map).to_string().replace('\'', "''")
}

/// The steps in their order, as they are embedded.
fn steps() -> Vec<(String, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut paths: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let name = |path: &Path| path.file_stem().unwrap().to_str().unwrap()[5..].to_owned();
    paths.iter().map(|path| (name(path), std::fs::read_to_string(path).unwrap())).collect()
}

async fn from_every_earlier_version(fresh: Fresh) {
    let steps = steps();
    for version in 1..steps.len() {
        let fresh = if fresh.directory.is_some() { Fresh::sqlite() } else { Fresh::postgres().unwrap() };
        old(&fresh, &steps[..version]).await;
        let store = fresh.open().await;
        let (ada, app) = (user("ada"), client("app"));
        let grant = grant("g", &ada, &app);
        assert_eq!(store.user(&ada.id).await.unwrap().unwrap().username, ada.username);
        assert_eq!(*store.client(&app.client_id).await.unwrap().unwrap(), app, "version {version}");
        assert_eq!(store.grant(&grant.id).await.unwrap().unwrap().scopes, grant.scopes);
        let found = store.refresh_token(&hash("r")).await.unwrap().unwrap();
        assert_eq!((found.token, found.grant_is_live), (refresh("r", &grant), true));
        let ConsumedCode::Fresh(found) = store.consume_code(&hash("c"), at(1)).await.unwrap() else {
            panic!("the code is gone")
        };
        assert_eq!(*found, code("c", &grant));
        // It is one of ours now, and the next start finds nothing to do.
        store.create_user(&user("eve")).await.unwrap();
        store.prepare_every_statement().await.unwrap();
        store.close().await;
        fresh.open().await.ping().await.unwrap();
    }
}

/// Makes a database as a version made it, with something of each kind.
async fn old(fresh: &Fresh, steps: &[(String, String)]) {
    let is_sqlite = fresh.directory.is_some();
    if let Some(directory) = &fresh.directory {
        std::fs::create_dir(directory.path().join("data")).unwrap();
    }
    let bytes = |hash: TokenHash| {
        let hex: String = hash.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        if is_sqlite { format!("x'{hex}'") } else { format!("'\\x{hex}'") }
    };
    let mut sql = "CREATE TABLE schema_migrations (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, \
         checksum TEXT NOT NULL, product TEXT NOT NULL);"
        .to_owned();
    for (version, (name, text)) in steps.iter().enumerate() {
        let (version, checksum) = (version + 1, TokenHash::of(text.as_bytes()).to_base64url());
        sql += text;
        sql += &format!("INSERT INTO schema_migrations VALUES ({version}, '{name}', '{checksum}', '0.0.1');");
    }
    let (ada, app) = (user("ada"), client("app"));
    let grant = grant("g", &ada, &app);
    let (grant_id, time) = (grant.id.as_str(), at(0).micros());
    let (code, refresh) = (code("c", &grant), refresh("r", &grant));
    let later = at(1_000_000).micros();
    sql += &format!(
        "INSERT INTO users (id, username, kind, status, email_verified, scopes, created_at, password_changed_at) \
         VALUES ('{id}', 'ada', 'person', 'enabled', 1, 'read', {time}, {time});\
         INSERT INTO clients (id, status, document) VALUES ('app', 'enabled', '{client}');\
         INSERT INTO grants (id, client_id, user_id, scopes, created_at, tokens_expire_at, expires_at) \
         VALUES ('{grant_id}', 'app', '{id}', '{scopes}', {time}, 0, {later});\
         INSERT INTO authorization_codes (hash, grant_id, document, expires_at) \
         VALUES ({code_hash}, '{grant_id}', '{code}', {later});\
         INSERT INTO refresh_tokens (hash, grant_id, document, expires_at) \
         VALUES ({refresh_hash}, '{grant_id}', '{refresh}', {later});",
        id = ada.id.as_str(),
        client = document(&app, CLIENT),
        scopes = grant.scopes,
        code_hash = bytes(code.hash),
        refresh_hash = bytes(refresh.hash),
        code = document(&code, CODE),
        refresh = document(&refresh, REFRESH),
    );
    fresh.tamper(&sql).await;
}
