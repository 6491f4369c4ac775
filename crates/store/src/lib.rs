//! What is kept on disk: SQLite and PostgreSQL behind the engines' ports, one file an aggregate.

mod api_key_use;
mod error;
mod settings;

use countersign_access::ports as access;
use countersign_ca::ports as ca;
use countersign_keys::ports as keys;
use countersign_model::*;
use countersign_oauth::ports as oauth;

pub use api_key_use::ApiKeyUse;
pub use error::StoreError;
pub use settings::{Location, StoreSettings};

type Result<T, E = StoreError> = std::result::Result<T, E>;

/// The store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store;

/// What the change feed says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Announcement {
    /// Something changed.
    Change(access::Change),
    /// Changes were missed: forget everything remembered, and ask for [`Store::live_revocations`] again.
    Resync,
}

/// A subscription to the change feed.
#[derive(Debug)]
pub struct Changes;

impl Changes {
    /// The next announcement; `None` when the store was closed.
    pub async fn next(&mut self) -> Option<Announcement> { todo!() }
}

/// An API key in a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListedApiKey {
    /// The key.
    pub key: ApiKey,
    /// When it was last used, if it was.
    pub last_use: Option<ApiKeyUse>,
}

#[expect(unused_variables, clippy::todo, missing_docs, reason = "signatures first")]
mod signatures {
    use super::*;
    impl Store {
        pub async fn open(settings: &StoreSettings) -> Result<Self> { todo!() }
        pub async fn close(&self) { todo!() }
        pub async fn ping(&self) -> Result<()> { todo!() }
        pub fn subscribe(&self) -> Changes { todo!() }
        pub async fn live_revocations(&self, now: Timestamp) -> Result<Vec<access::Change>> { todo!() }
        pub async fn purge(&self, now: Timestamp, batch: u32) -> Result<u64> { todo!() }

        pub async fn create_user(&self, user: &User) -> Result<()> { todo!() }
        pub async fn update_user(&self, user: &User, now: Timestamp) -> Result<bool> { todo!() }
        pub async fn set_password(&self, id: &UserId, password: Option<&PasswordHashText>, now: Timestamp) -> Result<bool> { todo!() }
        pub async fn set_user_status(&self, id: &UserId, status: UserStatus, now: Timestamp) -> Result<bool> { todo!() }
        pub async fn users(&self, after: Option<&Username>, limit: u32) -> Result<Vec<User>> { todo!() }

        pub async fn create_client(&self, client: &Client) -> Result<()> { todo!() }
        pub async fn update_client(&self, client: &Client, now: Timestamp) -> Result<bool> { todo!() }
        pub async fn set_client_status(&self, id: &ClientId, status: ClientStatus, now: Timestamp) -> Result<bool> { todo!() }
        pub async fn delete_client(&self, id: &ClientId, now: Timestamp) -> Result<bool> { todo!() }
        pub async fn clients(&self, after: Option<&ClientId>, limit: u32) -> Result<Vec<Client>> { todo!() }

        pub async fn create_api_key(&self, key: &ApiKey) -> Result<()> { todo!() }
        pub async fn api_key_by_id(&self, id: &ApiKeyId) -> Result<Option<ListedApiKey>> { todo!() }
        pub async fn api_keys(&self, owner: Option<&Subject>, after: Option<&ApiKeyId>, limit: u32) -> Result<Vec<ListedApiKey>> { todo!() }
        pub async fn revoke_api_key(&self, id: &ApiKeyId, now: Timestamp) -> Result<bool> { todo!() }

        pub async fn grants(&self, user: &UserId, now: Timestamp) -> Result<Vec<oauth::Grant>> { todo!() }
        pub async fn withdraw_consent(&self, user: &UserId, client: &ClientId, now: Timestamp) -> Result<()> { todo!() }
    }

    impl oauth::Clients for Store {
        async fn client(&self, id: &ClientId) -> Result<Option<Client>, oauth::Unavailable> { todo!() }
    }
    impl oauth::People for Store {
        async fn user_by_name(&self, name: &Username) -> Result<Option<User>, oauth::Unavailable> { todo!() }
        async fn user(&self, id: &UserId) -> Result<Option<User>, oauth::Unavailable> { todo!() }
        async fn begin_session(&self, session: &Session) -> Result<(), oauth::Unavailable> { todo!() }
        async fn session(&self, secret: &TokenHash, now: Timestamp) -> Result<Option<Session>, oauth::Unavailable> { todo!() }
        async fn end_session(&self, id: &SessionId) -> Result<(), oauth::Unavailable> { todo!() }
    }
    impl oauth::Grants for Store {
        async fn consent(&self, user: &UserId, client: &ClientId) -> Result<ScopeSet, oauth::Unavailable> { todo!() }
        async fn remember_consent(&self, user: &UserId, client: &ClientId, scopes: &ScopeSet, now: Timestamp) -> Result<(), oauth::Unavailable> { todo!() }
        async fn grant(&self, id: &GrantId) -> Result<Option<oauth::Grant>, oauth::Unavailable> { todo!() }
        async fn revoke_grant(&self, id: &GrantId, now: Timestamp) -> Result<(), oauth::Unavailable> { todo!() }
    }
    impl oauth::Codes for Store {
        async fn store_code(&self, grant: &oauth::Grant, code: &oauth::AuthorizationCode) -> Result<(), oauth::Unavailable> { todo!() }
        async fn consume_code(&self, hash: &TokenHash, now: Timestamp) -> Result<oauth::ConsumedCode, oauth::Unavailable> { todo!() }
    }
    impl oauth::RefreshTokens for Store {
        async fn refresh_token(&self, hash: &TokenHash) -> Result<Option<oauth::FoundRefreshToken>, oauth::Unavailable> { todo!() }
        async fn rotate_refresh_token(&self, presented: &TokenHash, grace_began: Timestamp, next: &oauth::RefreshToken, access: &oauth::AccessToken, now: Timestamp) -> Result<oauth::Rotation, oauth::Unavailable> { todo!() }
    }
    impl oauth::AccessTokens for Store {
        async fn record_issuance(&self, access: &oauth::AccessToken, refresh: Option<&oauth::RefreshToken>) -> Result<oauth::Recorded, oauth::Unavailable> { todo!() }
        async fn access_token(&self, id: &TokenId) -> Result<Option<oauth::FoundAccessToken>, oauth::Unavailable> { todo!() }
        async fn reference_token(&self, hash: &TokenHash) -> Result<Option<oauth::FoundAccessToken>, oauth::Unavailable> { todo!() }
        async fn revoke_access_token(&self, id: &TokenId, now: Timestamp) -> Result<(), oauth::Unavailable> { todo!() }
    }
    impl oauth::Interactions for Store {
        async fn keep_interaction(&self, interaction: &oauth::Interaction) -> Result<(), oauth::Unavailable> { todo!() }
        async fn interaction(&self, hash: &TokenHash, now: Timestamp) -> Result<Option<oauth::Interaction>, oauth::Unavailable> { todo!() }
        async fn consume_interaction(&self, hash: &TokenHash, now: Timestamp) -> Result<Option<oauth::Interaction>, oauth::Unavailable> { todo!() }
    }
    impl oauth::Assertions for Store {
        async fn remember_assertion(&self, client: &ClientId, jti: &str, expires_at: Timestamp) -> Result<bool, oauth::Unavailable> { todo!() }
    }
    impl keys::SigningKeys for Store {
        async fn signing_keys(&self) -> Result<Vec<keys::StoredKey>, keys::Unavailable> { todo!() }
        async fn introduce_signing_key(&self, key: &keys::StoredKey, seen: Option<&KeyId>, predecessors_retire_at: Timestamp, predecessors_removed_at: Timestamp) -> Result<bool, keys::Unavailable> { todo!() }
        async fn retire_signing_key(&self, id: &KeyId, retired_at: Timestamp, removed_at: Timestamp) -> Result<bool, keys::Unavailable> { todo!() }
        async fn sealed(&self, name: &str) -> Result<Option<Vec<u8>>, keys::Unavailable> { todo!() }
        async fn keep_sealed(&self, name: &str, sealed: &[u8]) -> Result<Vec<u8>, keys::Unavailable> { todo!() }
    }
    impl ca::Certificates for Store {
        async fn record_issuance(&self, record: &ca::CertificateRecord) -> Result<(), ca::Unavailable> { todo!() }
        async fn complete_issuance(&self, serial: &CertificateSerial, certificate: &[u8]) -> Result<(), ca::Unavailable> { todo!() }
        async fn certificate(&self, serial: &CertificateSerial) -> Result<Option<ca::CertificateRecord>, ca::Unavailable> { todo!() }
        async fn certificates(&self, limit: u32) -> Result<Vec<ca::CertificateRecord>, ca::Unavailable> { todo!() }
        async fn revoke_certificate(&self, serial: &CertificateSerial, reason: ca::RevocationReason, now: Timestamp) -> Result<bool, ca::Unavailable> { todo!() }
        async fn revoked_certificates(&self, now: Timestamp) -> Result<Vec<(CertificateSerial, Timestamp, ca::RevocationReason)>, ca::Unavailable> { todo!() }
    }
    impl access::Accounts for Store {
        fn account<'a>(&'a self, name: &'a Username) -> access::BoxFuture<'a, Result<Option<access::Account>, access::Unavailable>> { todo!() }
        fn upgrade_password<'a>(&'a self, account: &'a access::Account, old: &'a PasswordHashText, new: PasswordHashText) -> access::BoxFuture<'a, Result<(), access::Unavailable>> { todo!() }
    }
    impl access::ApiKeys for Store {
        fn api_key<'a>(&'a self, hash: &'a TokenHash) -> access::BoxFuture<'a, Result<Option<std::sync::Arc<ApiKey>>, access::Unavailable>> { todo!() }
    }
    impl access::ReferenceTokens for Store {
        fn reference_token<'a>(&'a self, token: &'a str, now: Timestamp) -> access::BoxFuture<'a, Result<Option<access::ReferenceToken>, access::Unavailable>> { todo!() }
    }
}
