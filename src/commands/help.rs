//! The examples under each command's help. A test holds that every one of them is understood.

pub(super) const COUNTERSIGN: &str = "\
Start here:
  countersign dev                                 five ways into one service
  countersign try                                 all five, side by side

Then for real:
  countersign config example > countersign.toml   every key with its default
  countersign config check                        what is wrong, and where
  countersign serve -c countersign.toml

`countersign COMMAND --help` shows examples of each command.";

pub(super) const DEV: &str = "\
Examples:
  countersign dev
  countersign dev --server-port 9400 --gateway-port 9443
  countersign dev --data-dir /tmp/try-it

Everything is in one directory, .countersign here. The configuration in it is an ordinary one: change it while `dev`
runs, or grow it into production with `countersign serve`.";

pub(super) const SERVE: &str = "\
Examples:
  countersign config example > countersign.toml
  countersign serve -c countersign.toml
  COUNTERSIGN_SERVER__LISTEN=0.0.0.0:8400 countersign serve

A variable sets one key: COUNTERSIGN_, then the path with two underscores for each dot.
SIGHUP reads the file again; so does a change of it. SIGTERM lets requests in progress finish.";

pub(super) const USER: &str = "\
Examples:
  countersign user add alice --display-name \"Alice Example\" \\
    --email alice@example.com
  countersign user add robot --service --scopes orders.read --generate \\
    --secret-file robot.password
  countersign user password alice --password-file - < new-password
  countersign user disable alice";

pub(super) const SESSION: &str = "\
Examples:
  countersign session list --user alice
  countersign session revoke ses_01a214160e1d7ea090709e24041ad8b6
  countersign session revoke --user alice --offline

`--offline` ends what lasts while the person is away, too; with `--user`, everything they ever gave.

Checkers refuse the tokens at once in one process, in about a second across nodes.";

pub(super) const CLIENT: &str = "\
A service that calls in its own name:
  countersign client add billing --grant client_credentials \\
    --scopes orders.read --secret-file billing.secret

A web application that people sign in to:
  countersign client add shop --grant authorization_code --grant refresh_token \\
    --redirect-uri https://shop.example.com/callback \\
    --scopes \"openid profile email\"

An application on people's own machines, which can keep no secret:
  countersign client add app --auth none --grant authorization_code \\
    --redirect-uri http://127.0.0.1/callback --scopes openid

An application of others whose token lives until a person takes it back, as on GitHub:
  countersign client add ci --grant authorization_code \\
    --redirect-uri https://ci.example.com/callback --scopes \"profile repo\" \\
    --token-format reference --access-token-life until-withdrawn \\
    --every-scope-optional

A new secret while the old one still works, and then the end of the old one:
  countersign client secret billing --secret-file billing.new
  countersign client secret billing --drop-old";

pub(super) const APIKEY: &str = "\
Examples:
  countersign apikey create --name nightly --owner acme \\
    --scopes orders.read --expires 90d
  countersign apikey create --name ci --owner robot --address 10.0.0.0/8 \\
    --rate 600 --secret-file ci.key
  countersign apikey list --owner acme
  countersign apikey rotate key_01a214160e1d7ea090709e24041ad8b6 --overlap 7d
  countersign apikey revoke key_01a214160e1d7ea090709e24041ad8b6

A caller sends it as `X-API-Key: …` or `Authorization: ApiKey …`, as the route allows.";

pub(super) const CERT: &str = "\
Examples:
  countersign cert issue --profile client \\
    --name uri:spiffe://example.com/billing --out certs
  countersign cert issue --profile server --name api.example.com \\
    --name ip:10.0.0.1 --lifetime 30d
  countersign cert issue --profile service --csr billing.csr --replace
  countersign cert show 6077bab306d2ef5d429005cf10ad04f82d12d27d
  countersign cert revoke 6077bab306d2ef5d429005cf10ad04f82d12d27d \\
    --reason key_compromise
  countersign cert bundle > ca.pem

What a certificate may do at the gateway: gateway.certificate_scopes.";

pub(super) const TOKEN: &str = "\
Examples:
  countersign token mint --client billing --scopes orders.read --lifetime 5m
  countersign token mint --client shop --user alice --secret-file alice.token
  countersign token inspect eyJhbGciOiJFUzI1NiJ9.e30.c2ln
  countersign token verify - < alice.token
  countersign token revoke - < alice.token
  countersign token scan src logs
  countersign token verify - --issuer https://partner.example.com \\
    --audience https://orders.example.com < their.token

`verify` ends with 0 for a good token and with 1 for another.";

pub(super) const SCAN: &str = "\
Examples:
  countersign token scan .
  git log -p --all | countersign token scan -
  countersign token scan --json build.log src

Prints a line a finding, or a JSON object a line: file, line, column, kind and the beginning of the secret.
Ends with 0 if there is nothing, with 1 if something was found, with 2 if some place could not be read.
Links are not followed, except those named here. What is compressed, encrypted or in base64 is not looked into.";

pub(super) const KEYS: &str = "\
Examples:
  countersign keys list
  countersign keys rotate
  countersign keys rotate --algorithm EdDSA --now
  countersign keys retire qa0N4ldTImhlUiYs8H6B8rdLdOSgzkifHa87ICtGHv8 --now

`rotate` makes a successor, published now and signing after keys.prepublish. `--now` is for an emergency.
Both work beside a running server, which takes the change up at once.";

pub(super) const CONFIG: &str = "\
Examples:
  countersign config example > countersign.toml
  countersign config check -c countersign.toml
  countersign config schema > countersign.schema.json";

pub(super) const COMPLETIONS: &str = "\
bash, for this shell or in ~/.bashrc:
  source <(countersign completions bash)
zsh, into a directory of $fpath:
  countersign completions zsh > ~/.zfunc/_countersign
fish:
  countersign completions fish > ~/.config/fish/completions/countersign.fish";

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::super::Arguments;

    const DOCUMENTS: [(&str, &str); 5] = [
        ("README.md", include_str!("../../README.md")),
        ("docs/configuration.md", include_str!("../../docs/configuration.md")),
        ("docs/leaked-tokens.md", include_str!("../../docs/leaked-tokens.md")),
        ("docs/operating.md", include_str!("../../docs/operating.md")),
        ("docs/identity.md", include_str!("../../docs/identity.md")),
    ];

    /// What clap holds against itself only in debug builds, and only when the command in question is used.
    #[test]
    fn the_commands_do_not_contradict_each_other() {
        Arguments::command().debug_assert();
    }

    /// The words of a command line as a shell splits them, without redirections and what is said about it.
    fn words(line: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut quoted = false;
        for c in line.chars() {
            match c {
                '"' => quoted = !quoted,
                ' ' if !quoted => words.push(String::new()),
                c => words.last_mut().unwrap().push(c),
            }
        }
        // Two spaces, or a comment, end what is typed.
        let typed = words.iter().position(|word| word.is_empty() || word == "#").unwrap_or(words.len());
        words.truncate(typed);
        let redirected = words.iter().position(|word| word == ">" || word == "<").unwrap_or(words.len());
        words.truncate(redirected);
        words
    }

    fn assert_understood(place: &str, line: &str) {
        let line = line.trim().trim_start_matches("source <(").trim_end_matches(')');
        let stand_ins = line
            .replace("SERIAL", "6077bab306d2ef5d429005cf10ad04f82d12d27d")
            .replace("COMMAND --help", "keys list");
        let words = words(&stand_ins);
        let start = words.iter().position(|word| word == "countersign").unwrap();
        if let Err(error) = Arguments::try_parse_from(&words[start..]) {
            panic!("{place}: `{line}` is not understood:\n{error}");
        }
    }

    fn every_help(command: &clap::Command, texts: &mut Vec<(String, String)>) {
        if let Some(text) = command.get_after_help() {
            texts.push((command.get_name().to_owned(), text.to_string()));
        }
        command.get_subcommands().for_each(|below| every_help(below, texts));
    }

    #[test]
    fn every_example_of_the_help_is_understood() {
        let mut texts = Vec::new();
        every_help(&Arguments::command(), &mut texts);
        assert!(texts.len() >= 11, "{}", texts.len());
        for (name, shown) in &texts {
            // A command may go on in the next line, as in a shell.
            let text = shown.replace("\\\n    ", "");
            let examples: Vec<&str> =
                text.lines().filter(|line| line.starts_with("  ") && line.contains("countersign ")).collect();
            assert!(!examples.is_empty(), "{name} shows none");
            let wide: Vec<_> =
                shown.lines().filter(|line| line.starts_with("  ") && line.len() > 80).collect();
            assert!(
                wide.is_empty(),
                "{name}: a terminal would break it, so that nobody can paste it: {wide:?}"
            );
            examples.iter().for_each(|example| assert_understood(name, example));
        }
    }

    /// Lines after a prompt, and what stands in backticks.
    #[test]
    fn every_command_in_the_documents_is_understood() {
        for (name, text) in DOCUMENTS {
            for line in text.lines() {
                if let Some(command) = line.strip_prefix("$ countersign ") {
                    assert_understood(name, &format!("countersign {command}"));
                }
                let quoted = line.split('`').skip(1).step_by(2);
                quoted.filter(|quoted| quoted.starts_with("countersign ")).for_each(|quoted| {
                    assert_understood(name, quoted);
                });
            }
        }
    }

    #[test]
    fn every_argument_is_explained() {
        fn look(command: &clap::Command) {
            assert!(command.get_about().is_some() || command.get_name() == "help", "{}", command.get_name());
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
            }
            command.get_subcommands().for_each(look);
        }
        let mut command = Arguments::command();
        command.build();
        look(&command);
    }
}
