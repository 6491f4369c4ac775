//! The client registration endpoint (RFC 7591 §3).

use std::sync::Arc;

use countersign_access::TokenKind;
use countersign_model::{Client, ClientAuthentication, ClientId, ClientOrigin, SecretString, TokenHash};

use super::{
    Members, RegisteredClient, RegistrationAccess, RegistrationRefusal, Rules, Secrets, checks, statement,
};
use crate::ports::{NewRegistration, Ports, Registered};
use crate::token::text;
use crate::{Engine, Error, SigningFailed, client_auth, discovery};

impl<P: Ports> Engine<P> {
    /// A request at the client registration endpoint. `bearer` is what came as `Authorization: Bearer`.
    ///
    /// # Errors
    /// As RFC 7591 §3.2.2 has them; [`RegistrationRefusal::TokenMissing`] and [`RegistrationRefusal::TokenInvalid`] as
    /// RFC 6750 §3.1.
    pub async fn register(&self, bearer: Option<&str>, document: &[u8]) -> Result<RegisteredClient, Error> {
        let now = self.now();
        let initial = self.initial_access(bearer).await?;
        let asked = statement::laid_over(self, Members::read(document)?).await?;
        let checked = checks(&asked, &self.registration_rules(&self.keys.algorithms()))?;
        let blank = Client {
            origin: ClientOrigin::Registration,
            ..Client::new(ClientId::generate(now, &*self.env.rng), now)
        };
        let mut client = checked.onto(blank)?;
        let secret = self.with_secret(&mut client)?;
        let token = text::registration_access_token(&*self.env.rng);
        let client = Arc::new(client);
        let registration = NewRegistration {
            client: Arc::clone(&client),
            token: token.hash(),
            initial,
            most_clients: self.settings.registration.most_clients,
            expires_at: now.plus(self.settings.registration.unused_lifetime),
            now,
        };
        match self.ports.register_client(registration).await? {
            Registered::Kept => {
                tracing::info!(client = %client.client_id, "a client registered itself");
                let address = self.registration_address(&client.client_id);
                Ok(RegisteredClient { client, secret, token, address })
            }
            Registered::TokenSpent => Err(RegistrationRefusal::TokenInvalid.into()),
            Registered::Full => Err(RegistrationRefusal::Full.into()),
        }
    }

    /// The initial access token, if one was presented that counts. Its use is counted when the client is kept, in one
    /// transaction with it.
    async fn initial_access(&self, bearer: Option<&str>) -> Result<Option<TokenHash>, Error> {
        match (bearer, self.settings.registration.access) {
            (None, RegistrationAccess::Open) => Ok(None),
            (None, RegistrationAccess::InitialAccessToken | RegistrationAccess::Off) => {
                Err(RegistrationRefusal::TokenMissing.into())
            }
            (Some(_), RegistrationAccess::Off) => Err(RegistrationRefusal::TokenInvalid.into()),
            (Some(token), RegistrationAccess::InitialAccessToken | RegistrationAccess::Open) => {
                let hash = TokenHash::of(token.as_bytes());
                let counts = text::is_initial_access_token(token)
                    && self.ports.initial_access_token_counts(&hash, self.now()).await?;
                if counts { Ok(Some(hash)) } else { Err(RegistrationRefusal::TokenInvalid.into()) }
            }
        }
    }

    /// What documents of clients that register themselves are held against.
    pub(super) fn registration_rules<'a>(
        &'a self,
        algorithms: &'a [countersign_jose::Algorithm],
    ) -> Rules<'a> {
        Rules {
            policy: &self.settings.registration,
            algorithms,
            assertion_algorithms: self.settings.assertion_algorithms,
            request_object_algorithms: self.settings.request_object_algorithms,
            methods: discovery::methods(&self.settings).chain([ClientAuthentication::None]).collect(),
            certificates: self.settings.mtls_url.is_some(),
            secrets: Secrets::Told,
        }
    }

    /// Gives the client a secret if its method needs one and it has none of that kind; takes those it needs no more. A
    /// secret that signs is needed as it is, so it is sealed; of every other the hash is kept.
    pub(super) fn with_secret(&self, client: &mut Client) -> Result<Option<SecretString>, Error> {
        let signs = client.authentication == ClientAuthentication::ClientSecretJwt;
        if signs || !client.authentication.has_secret() {
            client.secrets.clear();
        }
        if !signs {
            client.sealed_secrets.clear();
        }
        let has_one = !client.secrets.is_empty() || !client.sealed_secrets.is_empty();
        if has_one || !client.authentication.has_secret() {
            return Ok(None);
        }
        let secret = TokenKind::ClientSecret.generate(&*self.env.rng);
        if signs {
            // Offered only where there is a master key; that sealing fails is our own fault.
            let master = self.settings.master_key.as_ref().ok_or(SigningFailed)?;
            let sealed = client_auth::seal(master, &client.client_id, &secret, &*self.env.rng);
            client.sealed_secrets = vec![sealed.map_err(|_| SigningFailed)?];
        } else {
            client.secrets = vec![secret.hash()];
        }
        Ok(Some(secret))
    }

    /// Where a client manages its registration (RFC 7592 §1.2).
    pub(super) fn registration_address(&self, id: &ClientId) -> String {
        format!("{}/{id}", self.settings.endpoints.registration)
    }
}
