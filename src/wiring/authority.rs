//! The certificate authority: made at first start, its keys sealed in the store, the same on every node.

use std::sync::Arc;
use std::time::Duration;

use countersign_ca::{Authority, CaMaterial, Hierarchy, NamePolicy, Profile, Settings};
use countersign_keys::MasterKey;
use countersign_keys::ports::SigningKeys as _;
use countersign_model::{AddressList, Env, SecretBytes};
use countersign_store::Store;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::output::Failure;

/// Under which name the authority's certificates and keys are sealed: the first thing of a store that is.
pub(super) const SEALED_AS: &str = "certificate-authority";
const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// What is sealed: both certificates and both keys, as DER in base64.
#[derive(Serialize, Deserialize)]
struct Kept {
    root: Vec<u8>,
    root_key: Vec<u8>,
    intermediate: Vec<u8>,
    intermediate_key: Vec<u8>,
}

/// Opens the authority, making it first if there is none.
///
/// # Errors
/// When the store, the master key or what is kept can't be used.
pub(crate) async fn open(
    config: &Config,
    store: &Store,
    master: &MasterKey,
    env: &Env,
) -> Result<Authority<Store>, Failure> {
    let sealed = match store.sealed(SEALED_AS).await? {
        Some(sealed) => sealed,
        // Two nodes may start at once: whichever is kept first is the authority of both.
        None => store.keep_sealed(SEALED_AS, &create(config, master, env)?).await?,
    };
    let opened = master.open(SEALED_AS, &sealed)?;
    let kept: Kept = serde_json::from_slice(opened.expose())?;
    let hierarchy = Hierarchy {
        root: kept.root,
        intermediate: CaMaterial {
            certificate: kept.intermediate,
            key: SecretBytes::new(kept.intermediate_key),
        },
    };
    Ok(Authority::open(Arc::new(store.clone()), env.clone(), hierarchy, settings(config))?)
}

/// A root and an intermediate, sealed.
fn create(config: &Config, master: &MasterKey, env: &Env) -> Result<Vec<u8>, Failure> {
    let domain = &config.ca.trust_domain;
    let root = CaMaterial::create_root(&format!("Countersign root for {domain}"), env)?;
    let intermediate =
        root.create_intermediate(&format!("Countersign authority for {domain}"), 5 * YEAR, env)?;
    let kept = SecretBytes::new(serde_json::to_vec(&Kept {
        root: root.certificate,
        root_key: root.key.expose().clone(),
        intermediate: intermediate.certificate,
        intermediate_key: intermediate.key.expose().clone(),
    })?);
    Ok(master.seal(SEALED_AS, kept.expose(), &*env.rng)?)
}

/// The profiles: servers and services by any DNS name or address the operator asks for, clients in our trust domain.
fn settings(config: &Config) -> Settings {
    let everywhere =
        AddressList::new(["0.0.0.0/0", "::/0"].iter().filter_map(|net| net.parse().ok()).collect());
    let own = format!("spiffe://{}/*", config.ca.trust_domain);
    let any = NamePolicy {
        dns: vec!["*".to_owned()],
        wildcards: true,
        addresses: everywhere,
        spiffe: vec![own.clone()],
    };
    let clients = NamePolicy { dns: vec!["*".to_owned()], spiffe: vec![own], ..NamePolicy::default() };
    let mut profiles = vec![Profile::server(any.clone()), Profile::client(clients), Profile::service(any)];
    for profile in &mut profiles {
        profile.lifetime = config.ca.leaf_lifetime;
        profile.max_lifetime = profile.max_lifetime.max(config.ca.leaf_lifetime);
    }
    Settings { profiles, crl_lifetime: Duration::from_secs(86_400), crl_url: None }
}
