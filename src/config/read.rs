//! Reading the file: every complaint with its line, and for an unknown key the nearest name there is.

use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use serde_json::json;

use super::check::{self, Problem};
use super::checked::Config;
use super::environment;
use super::raw::RawConfig;

/// A configuration that can't be used, and where it is wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file can't be read.
    #[error("{}: {error}\n  `countersign config example > countersign.toml` writes one to start from", path.display())]
    Unreadable { path: PathBuf, error: std::io::Error },
    /// The file is not what it should be.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Syntax { path: PathBuf, line: usize, column: usize, message: String },
    /// A variable of the environment is not what it should be.
    #[error("environment variable {variable}: {message}")]
    Environment { variable: String, message: String },
    /// The whole makes no sense.
    #[error("{}", list(problems))]
    Senseless { problems: Vec<Problem> },
}

impl ConfigError {
    /// The same for programs: each thing that is wrong, with its place as far as it has one.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Unreadable { error, .. } => json!([{ "message": error.to_string() }]),
            Self::Syntax { line, column, message, .. } => {
                json!([{ "line": line, "column": column, "message": message }])
            }
            Self::Environment { variable, message } => json!([{ "variable": variable, "message": message }]),
            Self::Senseless { problems } => {
                let problem = |problem: &Problem| json!({ "key": problem.key, "message": problem.message });
                problems.iter().map(problem).collect()
            }
        }
    }
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Reads a file, lays `COUNTERSIGN_…` variables over it and checks the whole.
pub(crate) fn load(
    path: &Path,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError::Unreadable { path: path.to_owned(), error })?;
    load_text(path, &text, variables)
}

/// The same for a process that will serve it: the files it names must be there too.
pub(crate) fn load_to_serve(
    path: &Path,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let config = load(path, variables)?;
    let problems = config.unreadable_files();
    if problems.is_empty() { Ok(config) } else { Err(ConfigError::Senseless { problems }) }
}

/// The same for a text that is already there; `path` only names it.
pub(crate) fn load_text(
    path: &Path,
    text: &str,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let syntax = |error: toml::de::Error| {
        let (line, column) = position(text, error.span().map_or(0, |span| span.start));
        ConfigError::Syntax { path: path.to_owned(), line, column, message: with_nearest(error.message()) }
    };
    // The file by itself first: later errors would not know the line.
    toml::from_str::<RawConfig>(text).map_err(syntax)?;
    let mut table: toml::Table = toml::from_str(text).map_err(syntax)?;
    for (variable, value) in environment::ours(variables) {
        environment::lay_over(&mut table, &variable, &value)
            .and_then(|()| {
                RawConfig::deserialize(table.clone()).map_err(|error| with_nearest(error.message()))
            })
            .map_err(|message| ConfigError::Environment { variable, message })?;
    }
    let raw = RawConfig::deserialize(table).map_err(syntax)?;
    check::check(raw, path.parent().unwrap_or(Path::new(".")))
        .map_err(|problems| ConfigError::Senseless { problems })
}

/// Line and column, from 1, of a byte offset.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |rest| rest.chars().count()) + 1;
    (line, column)
}

/// Adds the nearest known name to serde's complaint about an unknown one, and drops its long list when there is one.
pub(super) fn with_nearest(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    if !message.starts_with("unknown ") {
        return message.trim_end().to_owned();
    }
    let Some(unknown) = quoted.next() else { return message.to_owned() };
    let known: Vec<&str> = quoted.collect();
    match nearest(unknown, &known) {
        Some(name) => format!("unknown key `{unknown}`: did you mean `{name}`?"),
        None => format!("unknown key `{unknown}`: here may stand {}", known.join(", ")),
    }
}

/// The known name most like `unknown`, if one is like it at all.
pub(super) fn nearest<'a>(unknown: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|name| (strsim::jaro_winkler(unknown, name), *name))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn complaint(text: &str, variables: &[(&str, &str)]) -> String {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        load_text(Path::new("c.toml"), text, variables).unwrap_err().to_string()
    }

    const MINIMAL: &str = "[server]\nlisten = \"127.0.0.1:8400\"\nissuer = \"http://localhost:8400\"\n";

    #[test]
    fn the_page_says_what_waits_for_a_start() {
        let config = load_text(Path::new("c.toml"), MINIMAL, []).unwrap();
        let row = include_str!("../../docs/configuration.md")
            .lines()
            .find(|line| line.starts_with("| Waits for the next start"))
            .unwrap();
        let told: BTreeSet<&str> = row.split('`').skip(1).step_by(2).collect();
        let waiting: BTreeSet<&str> = config
            .what_waits(&config)
            .iter()
            .flat_map(|(keys, _)| keys.split([',', ' ']))
            .filter(|word| !matches!(*word, "" | "and"))
            .map(|key| key.trim_matches(['[', ']']))
            .collect();
        assert_eq!(told, waiting);
    }

    #[test]
    fn nobody_registers_themselves_a_program_that_answers_for_people() {
        let text = |scopes: &str| format!("{MINIMAL}[registration]\nscopes = [{scopes}]\n");
        let said = complaint(&text("\"openid\", \"approvals\""), &[]);
        assert!(said.contains("registration.scopes: not \"approvals\""), "{said}");
        assert!(said.contains("countersign client add"), "{said}");
        assert!(load_text(Path::new("c.toml"), &text("\"openid\""), []).is_ok());
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line_and_the_nearest_name() {
        let text = format!("{MINIMAL}\n[tokens]\nacess_token = \"5m\"\n");
        assert_eq!(
            complaint(&text, &[]),
            "c.toml:6:1: unknown key `acess_token`: did you mean `access_token`?"
        );
        let text = format!("{MINIMAL}zzz = 1\n");
        assert!(
            complaint(&text, &[]).starts_with("c.toml:4:1: unknown key `zzz`: here may stand listen, issuer")
        );
        let text = MINIMAL.replace("[server]", "[sever]");
        assert_eq!(complaint(&text, &[]), "c.toml:1:2: unknown key `sever`: did you mean `server`?");
    }

    #[test]
    fn values_of_the_wrong_kind_name_their_line() {
        let text = format!("{MINIMAL}\n[tokens]\naccess_token = 5\n");
        assert!(complaint(&text, &[]).starts_with("c.toml:6:16: "));
        let text = format!("{MINIMAL}\n[tokens]\naccess_token = \"5 weeks\"\n");
        assert!(complaint(&text, &[]).contains("is no length of time"));
    }

    #[test]
    fn the_environment_comes_last_and_its_mistakes_name_the_variable() {
        let set = |name: &str, value: &str| {
            load_text(Path::new("c.toml"), MINIMAL, [(name.to_owned(), value.to_owned())])
        };
        let config = set("COUNTERSIGN_SERVER__LISTEN", "127.0.0.1:9999").unwrap();
        assert_eq!(config.server.unwrap().listen.port(), 9999);
        assert_eq!(set("COUNTERSIGN_NETWORK__WORKERS", "3").unwrap().network.workers, Some(3));
        assert_eq!(
            set("COUNTERSIGN_SERVER__LISTN", "x").unwrap_err().to_string(),
            "environment variable COUNTERSIGN_SERVER__LISTN: unknown key `listn`: did you mean `listen`?"
        );
        assert!(set("COUNTERSIGN_MASTER_KEY", "anything").is_ok());
    }

    #[test]
    fn every_senseless_thing_is_reported_at_once() {
        let text = r#"
            [server]
            listen = "0.0.0.0:8400"
            issuer = "http://id.example.com/x?y"
            [gateway]
            listen = "0.0.0.0:8443"
            client_certificates = "required"
            [[gateway.routes]]
            name = "a"
            upstream = "http://user@host/path"
            issuers = ["partnr"]
            [issuers.partner]
            issuer = "https://partner.example.com"
            algorithms = ["HS256"]
        "#;
        let complaint = complaint(text, &[]);
        for key in [
            "server.issuer: an issuer is an https URL",
            "server.issuer: write it without path",
            "gateway.client_certificates: ",
            "gateway.routes[0].accept: ",
            "gateway.routes[0].upstream: ",
            "gateway.routes[0].issuers: there is no [issuers.partnr]: did you mean \"partner\"?",
            "issuers.partner.algorithms: ",
        ] {
            assert!(complaint.contains(key), "{key} is not in\n{complaint}");
        }
    }

    #[test]
    fn who_vouches_must_be_somebody() {
        let text = |gateway: &str, route: &str| {
            format!(
                "[gateway]\nlisten = \"127.0.0.1:0\"\n{gateway}\n[[gateway.routes]]\nname = \"a\"\naccept = [\"mtls\"]\n\
                 upstream = \"http://127.0.0.1:1\"\n{route}\n[issuers.partner]\nissuer = \"https://partner.example.com\"\n"
            )
        };
        for (gateway, route, said) in [
            (
                "",
                "trust_bundles = [\"oun\"]",
                "routes[0].trust_bundles: there is no gateway.trust_bundles.oun: did you mean \"own\"?",
            ),
            (
                "trust_domains = { \"a.example\" = \"b\" }",
                "",
                "trust_domains.\"a.example\": there is no gateway.trust_bundles.b",
            ),
            ("trust_domains = { \"A.example\" = \"own\" }", "", "a trust domain is lower-case"),
            ("trust_bundles = { partner = \"p.pem\" }", "", "there is an [issuers.partner]"),
            ("trust_bundles = { own = \"p.pem\" }", "", "\"own\" means something else"),
            ("trust_bundles = { spiffe = \"p.pem\" }", "", "\"spiffe\" means something else"),
            ("trust_bundles = { \"a:b\" = \"p.pem\" }", "", "a name is letters"),
        ] {
            let complaint = complaint(&text(gateway, route), &[]);
            assert!(complaint.contains(said), "{said} is not in\n{complaint}");
        }
        let gateway = "trust_bundles = { them = \"p.pem\" }\ntrust_domains = { \"a.example\" = \"them\" }\n\
                       certificate_scopes = { \"them:x\" = [\"a\"], \"spiffe://own/x\" = [\"b\"] }";
        let text = text(gateway, "trust_bundles = [\"own\", \"them\"]");
        let config = load_text(Path::new("c.toml"), &text, []).unwrap().gateway.unwrap();
        let read: Vec<_> =
            config.certificate_scopes.iter().map(|line| (line.bundle.as_str(), line.name.as_str())).collect();
        assert_eq!(read, [("own", "spiffe://own/x"), ("them", "x")]);
        assert_eq!(config.routes[0].trust_bundles, ["own", "them"]);
    }

    #[test]
    fn the_example_is_valid_and_shows_every_key() {
        load_text(Path::new("example.toml"), super::super::EXAMPLE, []).unwrap();
        let schema = serde_json::to_value(super::super::schema()).unwrap();
        let mut keys = Vec::new();
        collect_properties(&schema, &mut keys);
        assert!(keys.len() > 60);
        for key in keys {
            assert!(super::super::EXAMPLE.contains(&key), "the example does not show {key}");
        }
        // Uncommented, the lines of the example are what they claim to be.
        let all: String = super::super::EXAMPLE
            .lines()
            .map(|line| line.strip_prefix('#').unwrap_or(line))
            .fold(String::new(), |text, line| {
                if line.starts_with(' ') || line.starts_with("Check") || line.starts_with("A var") {
                    text
                } else {
                    text + line + "\n"
                }
            });
        toml::from_str::<RawConfig>(&all.replace("url_file", "#url_file")).unwrap();
    }

    fn collect_properties(schema: &serde_json::Value, keys: &mut Vec<String>) {
        match schema {
            serde_json::Value::Object(object) => {
                if let Some(serde_json::Value::Object(properties)) = object.get("properties") {
                    keys.extend(properties.keys().cloned());
                }
                object.values().for_each(|value| collect_properties(value, keys));
            }
            serde_json::Value::Array(array) => array.iter().for_each(|value| collect_properties(value, keys)),
            _ => {}
        }
    }
}
