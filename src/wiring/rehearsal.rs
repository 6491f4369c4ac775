//! Everything a start would read and make of the configuration, without opening the store or a socket: for
//! `countersign config check`, so that what it calls valid starts.

use countersign_model::Env;

use super::htpasswd::HtpasswdFiles;
use super::{checker, fetch, parts, resources, routes, tls};
use crate::config::Problem;
use crate::config::checked::{Config, Tls};
use crate::output::Failure;

/// Everything that is wrong, each under the key it comes from.
pub(crate) fn rehearse(config: &Config) -> Vec<Problem> {
    let mut rehearsal = Rehearsal { problems: Vec::new() };
    let env = Env::system();
    if let Some(server) = &config.server {
        rehearsal.tls("server.tls", server.tls.as_ref());
    }
    if let Some(gateway) = &config.gateway {
        rehearsal.tls("gateway.tls", gateway.tls.as_ref());
        for (name, file) in &gateway.trust_bundles {
            rehearsal.note(&format!("gateway.trust_bundles.{name}"), routes::bundle(name, file));
        }
        let issuer = parts::issuer(config);
        rehearsal.note("gateway.routes", routes::build(config, gateway, &issuer, &env.clock));
    }
    if let Some(fetcher) = rehearsal.note("network.fetch_ca", fetch::fetcher(config, &env)) {
        for (name, issuer) in &config.issuers {
            rehearsal.note(&format!("issuers.{name}"), checker::external(name, issuer, &fetcher));
        }
    }
    for resource in &config.resources {
        rehearsal.note(&format!("resources ({})", resource.identifier), resources::signature(resource));
    }
    rehearsal.note("basic.htpasswd", HtpasswdFiles::read(&config.basic));
    rehearsal.problems
}

struct Rehearsal {
    problems: Vec<Problem>,
}

impl Rehearsal {
    /// Keeps what went wrong; gives back what did not.
    fn note<T>(&mut self, key: &str, outcome: Result<T, Failure>) -> Option<T> {
        let problem = |error: Failure| Problem { key: key.to_owned(), message: crate::output::chain(&error) };
        outcome.map_err(|error| self.problems.push(problem(error))).ok()
    }

    fn tls(&mut self, key: &str, tls: Option<&Tls>) {
        match tls {
            Some(Tls::Files { certificate, key: private }) => {
                self.note(key, tls::from_files(certificate, private));
            }
            Some(Tls::BuiltIn { names }) => {
                for name in names {
                    self.note(key, tls::read_name(name));
                }
            }
            None => {}
        }
    }
}
