//! The files a configuration names: they must be readable where they are needed, and are watched for changes.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::check::Problem;
use super::checked::{Config, Gateway, Signature, StatementKeys, Store, Tls};

/// A file, and the key that names it.
type Named<'a> = (String, &'a Path);

impl Config {
    /// Every file it names. The master key is not among them: the first start makes it.
    pub(crate) fn files(&self) -> Vec<Named<'_>> {
        let mut files = Vec::new();
        if let Some(server) = &self.server {
            files.extend(tls("server", server.tls.as_ref()));
        }
        if let Some(gateway) = &self.gateway {
            files.extend(of_gateway(gateway));
        }
        for (name, issuer) in &self.issuers {
            let key = |last: &str| format!("issuers.{name}.{last}");
            files.extend(issuer.jwks_file.iter().map(|file| (key("jwks_file"), file.as_path())));
            let secret = &issuer.hs256_secret_file;
            files.extend(secret.iter().map(|file| (key("hs256_secret_file"), file.as_path())));
            let introspection = issuer.introspection.iter();
            files.extend(introspection.map(|introspection| {
                (key("introspection.client_secret_file"), introspection.client_secret_file.as_path())
            }));
        }
        for resource in &self.resources {
            if let Signature::SecretFile(file) = &resource.signature {
                let key = format!("resources ({}).hs256_secret_file", resource.identifier);
                files.push((key, file.as_path()));
            }
        }
        let htpasswd = self.basic.htpasswd.iter().enumerate();
        files.extend(htpasswd.map(|(index, file)| (format!("basic.htpasswd[{index}]"), file.as_path())));
        files
            .extend(self.network.fetch_ca.iter().map(|file| ("network.fetch_ca".to_owned(), file.as_path())));
        for trusted in &self.registration.statement_issuers {
            if let StatementKeys::File(file) = &trusted.keys {
                files.push((format!("registration.statement_issuers ({})", trusted.issuer), file));
            }
        }
        if let Store::PostgresUrlFile(file) = &self.store {
            files.push(("store.url_file".to_owned(), file));
        }
        files
    }

    /// Files that can't be read, each as a problem of its key.
    pub(super) fn unreadable_files(&self) -> Vec<Problem> {
        let unreadable = |(key, file): Named<'_>| {
            // Opening a directory succeeds; reading it does not.
            let error = File::open(file).and_then(|mut file| file.read(&mut [0])).err()?;
            Some(Problem { key, message: format!("{} can't be read: {error}", file.display()) })
        };
        self.files().into_iter().filter_map(unreadable).collect()
    }
}

fn of_gateway(gateway: &Gateway) -> Vec<Named<'_>> {
    let mut files = tls("gateway", gateway.tls.as_ref());
    let bundles = gateway.trust_bundles.iter();
    files.extend(bundles.map(|(name, file)| (format!("gateway.trust_bundles.{name}"), file.as_path())));
    for route in &gateway.routes {
        let key = format!("gateway.routes.{}.upstream_ca", route.raw.name);
        files.extend(route.upstream_ca.iter().map(|file| (key.clone(), file.as_path())));
    }
    files
}

fn tls<'a>(listener: &str, tls: Option<&'a Tls>) -> Vec<Named<'a>> {
    match tls {
        Some(Tls::Files { certificate, key }) => vec![
            (format!("{listener}.tls.certificate"), certificate.as_path()),
            (format!("{listener}.tls.key"), key.as_path()),
        ],
        Some(Tls::BuiltIn { .. }) | None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::read::load_text;

    /// A key that names a file must be in the list, or a missing file is found at the first request.
    #[test]
    fn every_key_that_names_a_file_is_listed() {
        let text = r#"
            [server]
            listen = "127.0.0.1:1"
            issuer = "https://id.example.com"
            tls = { certificate = "a", key = "b" }
            [gateway]
            listen = "127.0.0.1:2"
            tls = { certificate = "c", key = "d" }
            trust_bundles = { partners = "e" }
            [[gateway.routes]]
            name = "orders"
            upstream = "https://127.0.0.1:3"
            upstream_ca = "f"
            accept = ["basic"]
            [issuers.one]
            issuer = "https://one.example.com"
            jwks_file = "g"
            [issuers.two]
            issuer = "https://two.example.com"
            hs256_secret_file = "h"
            introspection = { endpoint = "https://two.example.com/i", client_id = "x", client_secret_file = "i" }
            [basic]
            htpasswd = ["j", "k"]
            [network]
            fetch_ca = "l"
            [registration.statement_issuers.store]
            issuer = "https://store.example"
            jwks_file = "m"
            [store]
            url_file = "n"
            [[resources]]
            resource = "https://old.example.com"
            signing_algorithm = "HS256"
            hs256_secret_file = "o"
        "#;
        let config = load_text(Path::new("/nowhere/countersign.toml"), text, []).unwrap();
        let mut files: Vec<_> = config.files().into_iter().map(|(_, file)| file.to_owned()).collect();
        files.sort();
        let expected: Vec<_> = ('a'..='o').map(|name| Path::new("/nowhere").join(name.to_string())).collect();
        assert_eq!(files, expected);
        let problems = config.unreadable_files();
        assert_eq!(problems.len(), expected.len());
        assert_eq!(
            problems[0].to_string(),
            "server.tls.certificate: /nowhere/a can't be read: No such file or directory (os error 2)"
        );
    }

    #[test]
    fn a_directory_is_no_file() {
        let text = "[server]\nlisten = \"127.0.0.1:1\"\nissuer = \"https://id.example.com\"\n[basic]\nhtpasswd = [\"/\"]\n";
        let config = load_text(Path::new("/countersign.toml"), text, []).unwrap();
        assert_eq!(config.unreadable_files().len(), 1);
    }
}
